"""Baselines as bytes: an Arrow IPC stream, one row per feature, then the stream's SHA-256.

A reader of Arrow streams stops at the end mark, so any tool can open the bytes; ours checks them first.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from algorithms.columns import FeatureKind
from algorithms.errors import CorruptBaseline, UnsupportedBaseline
from algorithms.profiles import CategoricalReference, FeatureReference, NumericReference, NumericSummary

FORMAT_VERSION = 1
METADATA_KEY = b"drift_detector.baseline"
CHECKSUM_BYTES = 32
STATISTICS = ("minimum", "maximum", "mean", "std")
SCHEMA = pa.schema(
    [
        ("feature", pa.string()),
        ("kind", pa.string()),
        ("n", pa.int64()),
        ("nulls", pa.int64()),
        ("other", pa.int64()),
        *((name, pa.float64()) for name in STATISTICS),
        ("values", pa.large_list(pa.float64())),
        ("categories", pa.large_list(pa.large_string())),
        ("counts", pa.large_list(pa.int64())),
    ]
)


def content_hash(header: Mapping[str, int], features: Sequence[FeatureReference]) -> str:
    """SHA-256 in hex over the header and every feature's numbers, names and counts."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for feature in features:
        digest.update(json.dumps(_row(feature), sort_keys=True).encode())
        digest.update(np.ascontiguousarray(_values(feature), dtype="<f8"))
        digest.update(np.ascontiguousarray(_counts(feature), dtype="<i8"))
        names = _categories(feature).cast(pa.large_binary()).to_pylist()
        digest.update(np.array([len(name) for name in names], dtype="<i8"))
        digest.update(b"".join(names))
    return digest.hexdigest()


def encode(header: Mapping[str, int], features: Sequence[FeatureReference]) -> bytes:
    """The baseline as bytes."""
    rows = [_row(feature) for feature in features]
    columns = [pa.array([row[field.name] for row in rows], field.type) for field in list(SCHEMA)[:-3]]
    columns += [
        _nested([_values(feature) for feature in features], pa.float64()),
        _nested([_categories(feature) for feature in features], pa.large_string()),
        _nested([_counts(feature) for feature in features], pa.int64()),
    ]
    metadata = {METADATA_KEY: json.dumps({"format_version": FORMAT_VERSION, **header}).encode()}
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, SCHEMA.with_metadata(metadata), options=options) as writer:
        writer.write_batch(pa.record_batch(columns, schema=SCHEMA.with_metadata(metadata)))
    stream: bytes = sink.getvalue().to_pybytes()
    return stream + hashlib.sha256(stream).digest()


def decode(data: bytes) -> tuple[dict[str, int], list[FeatureReference]]:
    """The header and features that `encode` wrote.

    Raises:
        CorruptBaseline: If the bytes were cut short or altered, or never were a baseline.
        UnsupportedBaseline: If a newer version wrote them.
    """
    stream = memoryview(data)[:-CHECKSUM_BYTES]
    if hashlib.sha256(stream).digest() != data[-CHECKSUM_BYTES:]:
        raise CorruptBaseline("The baseline's checksum does not match its content: it was cut short or altered.")
    try:
        with pa.ipc.open_stream(pa.py_buffer(stream)) as reader:
            header = _header(reader.schema)
            batch = reader.read_next_batch()
        return header, [_feature(batch, index) for index in range(batch.num_rows)]
    except (pa.ArrowException, OSError, LookupError, StopIteration, TypeError, json.JSONDecodeError) as error:
        raise CorruptBaseline(f"The bytes are not a baseline: {error}.") from error


def _header(schema: pa.Schema) -> dict[str, int]:
    header: dict[str, int] = json.loads((schema.metadata or {})[METADATA_KEY])
    version = header.pop("format_version")
    if version > FORMAT_VERSION:
        raise UnsupportedBaseline(f"The baseline has format version {version}; this reads up to {FORMAT_VERSION}.")
    return header


def _row(feature: FeatureReference) -> dict[str, Any]:
    row = {"feature": feature.name, "kind": feature.kind.value, "n": feature.n, "nulls": feature.nulls}
    if isinstance(feature, NumericReference):
        return row | {"other": 0} | asdict(feature.summary)
    return row | {"other": feature.other} | asdict(NumericSummary())


def _values(feature: FeatureReference) -> npt.NDArray[np.float64]:
    return feature.values if isinstance(feature, NumericReference) else np.empty(0)


def _categories(feature: FeatureReference) -> pa.Array:
    return feature.categories if isinstance(feature, CategoricalReference) else pa.array([], pa.large_string())


def _counts(feature: FeatureReference) -> npt.NDArray[np.int64]:
    return feature.counts if isinstance(feature, CategoricalReference) else np.empty(0, dtype=np.int64)


def _nested(arrays: Sequence[Any], value_type: pa.DataType) -> pa.Array:
    offsets = np.cumsum([0, *(len(array) for array in arrays)], dtype=np.int64)
    flat = pa.concat_arrays([pa.array([], value_type), *(pa.array(array, value_type) for array in arrays)])
    return pa.LargeListArray.from_arrays(pa.array(offsets), flat)


def _feature(batch: pa.RecordBatch, index: int) -> FeatureReference:
    cell = {name: batch.column(name)[index] for name in SCHEMA.names}
    name, n, nulls = cell["feature"].as_py(), cell["n"].as_py(), cell["nulls"].as_py()
    if cell["kind"].as_py() == FeatureKind.NUMERIC:
        summary = NumericSummary(**{key: cell[key].as_py() for key in STATISTICS})
        return NumericReference(name=name, n=n, nulls=nulls, summary=summary, values=cell["values"].values.to_numpy())
    return CategoricalReference(
        name=name,
        n=n,
        nulls=nulls,
        categories=cell["categories"].values,
        counts=cell["counts"].values.to_numpy(),
        other=cell["other"].as_py(),
    )
