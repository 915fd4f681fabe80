"""Writes and reads named arrays with a header: an Arrow IPC stream, then the stream's SHA-256.

A reader of Arrow streams stops at the end mark, so any tool can open the bytes; ours checks them first.
"""

import hashlib
import json
from collections.abc import Buffer, Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from .errors import CorruptBundle, UnsupportedBundle

FORMAT_VERSION = 2
METADATA_KEY = b"drift_detector"
CHECKSUM_BYTES = 32

READ_ERRORS = (pa.ArrowException, OSError, LookupError, StopIteration, TypeError, ValueError)
"""What bytes of another kind can cause."""

type Arrays = Mapping[str, pa.Array]
type Described = tuple[dict[str, Any], dict[str, pa.Array]]
type Metadata = Mapping[bytes, bytes]


def encode(kind: str, header: Mapping[str, Any], arrays: Arrays) -> bytes:
    """The arrays, each as a column of one row that holds a list, and the header beside them.

    Args:
        kind: What the bytes are, in a word.
        header: JSON values.
        arrays: Name to array, of any lengths.
    """
    stream = _stream(_metadata(kind, header), _columns(arrays))
    return stream + hashlib.sha256(stream).digest()


def _metadata(kind: str, header: Mapping[str, Any]) -> Metadata:
    about = {"kind": kind, "format_version": FORMAT_VERSION, "header": header}
    return {METADATA_KEY: json.dumps(about).encode()}


def _columns(arrays: Arrays) -> dict[str, pa.LargeListArray]:
    return {name: _cell(array) for name, array in arrays.items()}


def _cell(array: pa.Array) -> pa.LargeListArray:
    """A column of one row that holds the array as a list."""
    return pa.LargeListArray.from_arrays(pa.array([0, len(array)], pa.int64()), array)


def _stream(metadata: Metadata, columns: Mapping[str, pa.LargeListArray]) -> bytes:
    """Columns of one row as a compressed Arrow stream."""
    batch = pa.record_batch(list(columns.values()), schema=_schema(metadata, columns))
    sink, options = pa.BufferOutputStream(), pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


def _schema(metadata: Metadata, columns: Mapping[str, pa.LargeListArray]) -> pa.Schema:
    fields = [(name, column.type) for name, column in columns.items()]
    return pa.schema(fields, metadata=metadata)


def gather(described: Iterable[Described]) -> tuple[list[dict[str, Any]], dict[str, pa.Array]]:
    """The headers of features in order, and their arrays, named by the feature's place."""
    headers, arrays = list[dict[str, Any]](), dict[str, pa.Array]()
    for place, (about, found) in enumerate(described):
        headers.append(about)
        arrays |= {f"{place}.{name}": array for name, array in found.items()}
    return headers, arrays


def decode(kind: str, data: bytes) -> tuple[dict[str, Any], dict[str, pa.Array]]:
    """The header and arrays that `encode` wrote.

    Raises:
        CorruptBundle: If the bytes were cut short or altered, or never were of this kind.
        UnsupportedBundle: If another version wrote them.
    """
    stream = _checked_stream(kind, data)
    try:
        return _read(kind, stream)
    except (CorruptBundle, UnsupportedBundle):
        raise
    except READ_ERRORS as error:
        raise CorruptBundle(f"The bytes are not a {kind}: {error}.") from error


def _checked_stream(kind: str, data: bytes) -> memoryview:
    """The bytes without their checksum; raises CorruptBundle unless they match it."""
    stream = memoryview(data)[:-CHECKSUM_BYTES]
    if hashlib.sha256(stream).digest() != data[-CHECKSUM_BYTES:]:
        raise CorruptBundle(
            f"The {kind}'s checksum does not match its content: it was cut short or altered."
        )
    return stream


def _read(kind: str, stream: memoryview) -> tuple[dict[str, Any], dict[str, pa.Array]]:
    with pa.ipc.open_stream(pa.py_buffer(stream)) as reader:
        header = _header(kind, reader.schema)
        batch = reader.read_next_batch()
    return header, {name: batch.column(name)[0].values for name in batch.schema.names}


def content_hash(header: Mapping[str, Any], arrays: Arrays) -> str:
    """SHA-256 in hex over the header and every array's content, whatever library version wrote the bytes."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(name.encode())
        for content in _contents(array):
            digest.update(content)
    return digest.hexdigest()


def _contents(array: pa.Array) -> tuple[Buffer, ...]:
    """The content of an array as buffers; texts as their lengths and all their bytes."""
    if not pa.types.is_large_string(array.type):
        return (np.ascontiguousarray(array.to_numpy(zero_copy_only=False)),)
    texts = [text.encode() for text in array.to_pylist()]
    lengths = [len(text) for text in texts]
    return np.array(lengths, dtype="<i8"), b"".join(texts)


def _header(kind: str, schema: pa.Schema) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((schema.metadata or {})[METADATA_KEY])
    _require(kind, about)
    header: dict[str, Any] = about["header"]
    if not isinstance(header, dict):
        raise CorruptBundle(f"The header of the {kind} is no JSON object.")
    return header


def _require(kind: str, about: Mapping[str, Any]) -> None:
    """Raise unless the bytes are of the version that is read here and of this kind."""
    version = about["format_version"]
    if version != FORMAT_VERSION:
        raise UnsupportedBundle(
            f"The {kind} has format version {version}; this reads version {FORMAT_VERSION}."
        )
    if about["kind"] != kind:
        raise CorruptBundle(f"The bytes are a {about['kind']}, not a {kind}.")
