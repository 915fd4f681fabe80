"""Detects whether an Arrow IPC stream is compressed, without unpacking it.

A few megabytes can be unpacked to any size, and pyarrow allocates what a buffer says it will be before one can look.
The compression stands in each message's metadata, a flatbuffer: https://arrow.apache.org/docs/format/Columnar.html.
"""

from struct import unpack_from

import pyarrow as pa

HEADER, BATCH_OF_DICTIONARY, COMPRESSION = 2, 1, 3
"""Places of fields in the tables Message, DictionaryBatch and RecordBatch."""


def is_compressed(stream: bytes) -> bool:
    """True if any batch of the stream is compressed.

    Raises:
        pyarrow.ArrowException: If it is not a stream of messages.
        struct.error: If a message's metadata point outside it.
    """
    return any(
        _is_compressed(message)
        for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(stream))
    )


def _is_compressed(message: pa.ipc.Message) -> bool:
    if message.type not in ("record batch", "dictionary"):
        return False
    data = bytes(message.metadata)
    batch = _table(data, unpack_from("<I", data, 0)[0], HEADER)
    if batch is not None and message.type == "dictionary":
        batch = _table(data, batch, BATCH_OF_DICTIONARY)
    return batch is not None and _field(data, batch, COMPRESSION) is not None


def _table(data: bytes, table: int, place: int) -> int | None:
    """The position of the table that a field of a table refers to."""
    field = _field(data, table, place)
    return None if field is None else field + int(unpack_from("<I", data, field)[0])


def _field(data: bytes, table: int, place: int) -> int | None:
    """The position of a field of a table; None if it was left out."""
    fields = table - unpack_from("<i", data, table)[0]
    if 4 + 2 * place >= unpack_from("<H", data, fields)[0]:
        return None
    offset = unpack_from("<H", data, fields + 4 + 2 * place)[0]
    return table + int(offset) if offset else None
