import hashlib
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms import bundles
from algorithms.errors import CorruptBundle, UnsupportedBundle

KIND = "thing"
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
arrays = st.one_of(
    st.lists(st.floats(width=64), max_size=20).map(lambda values: pa.array(values, pa.float64())),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20).map(
        lambda values: pa.array(values, pa.int64())
    ),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=20).map(
        lambda values: pa.array(values, pa.large_string())
    ),
)


def sample() -> bytes:
    return bundles.encode(
        KIND, {"a": 1}, {"x": pa.array([1.0, 2.0]), "names": pa.array(["a"], pa.large_string())}
    )


def resealed(metadata: dict[bytes, bytes] | None, rows: int = 1) -> bytes:
    """An Arrow stream whose checksum is right."""
    sink, schema = io.BytesIO(), pa.schema([("x", pa.list_(pa.int8()))], metadata=metadata)
    with pa.ipc.new_stream(sink, schema) as writer:
        for _ in range(rows):
            writer.write_batch(
                pa.record_batch([pa.array([[1]], pa.list_(pa.int8()))], schema=schema)
            )
    return sink.getvalue() + hashlib.sha256(sink.getvalue()).digest()


@given(
    st.dictionaries(st.text(), json_values, max_size=4),
    st.dictionaries(st.text(max_size=5), arrays, max_size=4),
)
@settings(max_examples=80)
def test_decode__any_header_and_arrays__what_was_encoded(
    header: dict[str, Any], given: dict[str, pa.Array]
) -> None:
    found_header, found = bundles.decode(KIND, bundles.encode(KIND, header, given))
    assert found_header == header
    assert list(found) == list(given)
    assert bundles.content_hash(found_header, found) == bundles.content_hash(header, given)
    for name, array in given.items():
        assert found[name].type == array.type
        assert repr(found[name].to_pylist()) == repr(array.to_pylist())


def test_encode__sliced_array__only_the_slice() -> None:
    data = bundles.encode(KIND, {}, {"x": pa.array(range(10)).slice(3, 2)})
    assert bundles.decode(KIND, data)[1]["x"].to_pylist() == [3, 4]


def test_encode__same_content__same_bytes() -> None:
    assert sample() == sample()


def test_decode__cut_or_altered_anywhere__corrupt() -> None:
    data = sample()
    for position in range(len(data)):
        altered = data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]
        for broken in (data[:position], altered, data[position + 1 :]):
            with pytest.raises(CorruptBundle):
                bundles.decode(KIND, broken)


def test_decode__bytes_added__corrupt() -> None:
    for longer in (sample() + b"\0", b"\0" + sample()):
        with pytest.raises(CorruptBundle):
            bundles.decode(KIND, longer)


@pytest.mark.parametrize("version", [0, 1, bundles.FORMAT_VERSION + 1, "2"])
def test_decode__another_version__unsupported(version: object) -> None:
    about: dict[str, Any] = {"kind": KIND, "format_version": version, "header": {}}
    with pytest.raises(UnsupportedBundle, match=f"version {version}"):
        bundles.decode(KIND, resealed({bundles.METADATA_KEY: json.dumps(about).encode()}))


@pytest.mark.parametrize("kind", ["baseline", "", None])
def test_decode__another_kind__corrupt(kind: str | None) -> None:
    about: dict[str, Any] = {"kind": kind, "format_version": bundles.FORMAT_VERSION, "header": {}}
    with pytest.raises(CorruptBundle, match="not a thing"):
        bundles.decode(KIND, resealed({bundles.METADATA_KEY: json.dumps(about).encode()}))


@pytest.mark.parametrize(
    "about", [b"", b"\xff", b"[]", b"1", b"null", b"{}", b'{"format_version": 2}']
)
def test_decode__metadata_of_someone_else__corrupt(about: bytes) -> None:
    with pytest.raises(CorruptBundle):
        bundles.decode(KIND, resealed({bundles.METADATA_KEY: about}))


def test_decode__stream_without_metadata_or_batch__corrupt() -> None:
    about = json.dumps(
        {"kind": KIND, "format_version": bundles.FORMAT_VERSION, "header": {}}
    ).encode()
    for data in (resealed(None), resealed({bundles.METADATA_KEY: about}, rows=0)):
        with pytest.raises(CorruptBundle):
            bundles.decode(KIND, data)


@pytest.mark.parametrize("data", [b"", b"short", bytes(32), hashlib.sha256(b"").digest()])
def test_decode__not_a_stream__corrupt(data: bytes) -> None:
    with pytest.raises(CorruptBundle):
        bundles.decode(KIND, data)


@pytest.mark.parametrize(
    ("header", "given"),
    [
        ({"a": 2}, {"x": pa.array([1.0, 2.0])}),
        ({"a": 1}, {"x": pa.array([1.0, 3.0])}),
        ({"a": 1}, {"y": pa.array([1.0, 2.0])}),
        ({"a": 1}, {"x": pa.array([2.0, 1.0])}),
        ({"a": 1}, {"x": pa.array(["1.0", "2.0"], pa.large_string())}),
    ],
)
def test_content_hash__other_content__another_hash(
    header: dict[str, Any], given: dict[str, pa.Array]
) -> None:
    assert bundles.content_hash(header, given) != bundles.content_hash(
        {"a": 1}, {"x": pa.array([1.0, 2.0])}
    )


def test_content_hash__names_cut_elsewhere__another_hash() -> None:
    hashes = {
        bundles.content_hash({}, {"x": pa.array(names, pa.large_string())})
        for names in (["ab", "c"], ["a", "bc"])
    }
    assert len(hashes) == 2


def test_content_hash__order_of_names__does_not_matter() -> None:
    x, y = pa.array([1]), pa.array(np.array([2.0]))
    assert bundles.content_hash({"a": 1, "b": 2}, {"x": x, "y": y}) == bundles.content_hash(
        {"b": 2, "a": 1}, {"y": y, "x": x}
    )
