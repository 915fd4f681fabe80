"""Writes and reads named arrays with a header: an Arrow IPC stream, then the stream's SHA-256.

A reader of Arrow streams stops at the end mark, so any tool can open the bytes; ours checks them first.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from .errors import CorruptBundle, UnsupportedBundle

FORMAT_VERSION = 2
METADATA_KEY = b"drift_detector"
CHECKSUM_BYTES = 32

type Arrays = Mapping[str, pa.Array]


def encode(kind: str, header: Mapping[str, Any], arrays: Arrays) -> bytes:
    """The arrays, each as a column of one row that holds a list, and the header beside them.

    Args:
        kind: What the bytes are, in a word.
        header: JSON values.
        arrays: Name to array, of any lengths.
    """
    columns = [
        pa.LargeListArray.from_arrays(pa.array([0, len(array)], pa.int64()), array)
        for array in arrays.values()
    ]
    about = json.dumps({"kind": kind, "format_version": FORMAT_VERSION, "header": header})
    schema = pa.schema(
        [(name, column.type) for name, column in zip(arrays, columns, strict=True)],
        metadata={METADATA_KEY: about.encode()},
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
    ) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))
    stream: bytes = sink.getvalue().to_pybytes()
    return stream + hashlib.sha256(stream).digest()


def decode(kind: str, data: bytes) -> tuple[dict[str, Any], dict[str, pa.Array]]:
    """The header and arrays that `encode` wrote.

    Raises:
        CorruptBundle: If the bytes were cut short or altered, or never were of this kind.
        UnsupportedBundle: If another version wrote them.
    """
    stream = memoryview(data)[:-CHECKSUM_BYTES]
    if hashlib.sha256(stream).digest() != data[-CHECKSUM_BYTES:]:
        raise CorruptBundle(
            f"The {kind}'s checksum does not match its content: it was cut short or altered."
        )
    try:
        with pa.ipc.open_stream(pa.py_buffer(stream)) as reader:
            header = _header(kind, reader.schema)
            batch = reader.read_next_batch()
        return header, {name: batch.column(name)[0].values for name in batch.schema.names}
    except (pa.ArrowException, OSError, LookupError, StopIteration, TypeError, ValueError) as error:
        if isinstance(error, CorruptBundle | UnsupportedBundle):
            raise
        raise CorruptBundle(f"The bytes are not a {kind}: {error}.") from error


def content_hash(header: Mapping[str, Any], arrays: Arrays) -> str:
    """SHA-256 in hex over the header and every array's content, whatever library version wrote the bytes."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(name.encode())
        if pa.types.is_large_string(array.type):
            texts = [text.encode() for text in array.to_pylist()]
            digest.update(np.array([len(text) for text in texts], dtype="<i8"))
            digest.update(b"".join(texts))
        else:
            digest.update(np.ascontiguousarray(array.to_numpy(zero_copy_only=False)))
    return digest.hexdigest()


def _header(kind: str, schema: pa.Schema) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((schema.metadata or {})[METADATA_KEY])
    version = about["format_version"]
    if version != FORMAT_VERSION:
        raise UnsupportedBundle(
            f"The {kind} has format version {version}; this reads version {FORMAT_VERSION}."
        )
    if about["kind"] != kind:
        raise CorruptBundle(f"The bytes are a {about['kind']}, not a {kind}.")
    header: dict[str, Any] = about["header"]
    return header
