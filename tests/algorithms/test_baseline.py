import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms import bundles
from algorithms.arrays import FloatArray
from algorithms.baseline import Baseline, FeatureKind
from algorithms.errors import (
    CorruptBundle,
    InsufficientData,
    MissingColumn,
    UnsupportedBundle,
    UnusableColumn,
)
from algorithms.profiles import CategoricalProfile
from algorithms.references import CategoricalReference, FeatureReference, NumericReference
from algorithms.value_types import ValueType
from tests.algorithms.windows import fit, mixed_window

NUMERIC, CATEGORICAL = FeatureKind.NUMERIC, FeatureKind.CATEGORICAL
numbers = st.lists(st.none() | st.floats(), min_size=1, max_size=30)
texts = st.text(st.characters(codec="utf-8"), max_size=4)


def numeric(baseline: Baseline, name: str) -> NumericReference:
    feature = baseline.features[name]
    assert isinstance(feature, NumericReference)
    return feature


def categorical(baseline: Baseline, name: str) -> CategoricalReference:
    feature = baseline.features[name]
    assert isinstance(feature, CategoricalReference)
    return feature


def kept(feature: NumericReference) -> FloatArray:
    assert feature.values is not None
    return feature.values


def plain(feature: FeatureReference) -> list[Any]:
    if isinstance(feature, NumericReference):
        arrays = [feature.grid.edges, feature.bin_edges, feature.counts, kept(feature)]
        return [
            feature.name,
            feature.n,
            feature.missing,
            feature.infinite,
            feature.summary,
            *map(bytes, arrays),
        ]
    counts = dict(zip(feature.categories.to_pylist(), feature.counts.tolist(), strict=True))
    return [feature.name, feature.n, feature.nulls, feature.other, list(counts.items())]


def test_fit__numeric_column__sorted_values_and_summary() -> None:
    table = pa.table({"x": [3.0, None, float("nan"), 1.0, float("inf"), 2.0]})
    feature = numeric(Baseline.fit(table, {"x": NUMERIC}, 100), "x")
    assert kept(feature).tolist() == [1.0, 2.0, 3.0, float("inf")]
    assert (feature.n, feature.nulls, feature.nans, feature.infinite) == (4, 1, 1, 1)
    summary = feature.summary
    assert (summary.minimum, summary.maximum, summary.mean, summary.std) == (1.0, 3.0, 2.0, 1.0)


def test_fit__categorical_column__most_frequent_first_ties_by_name() -> None:
    feature = categorical(
        Baseline.fit(pa.table({"x": ["b", "a", "c", "c", None]}), {"x": CATEGORICAL}, 100), "x"
    )
    assert feature.categories.to_pylist() == ["c", "a", "b"]
    assert feature.counts.tolist() == [2, 1, 1]
    assert (feature.n, feature.nulls, feature.other) == (4, 1, 0)


def test_fit__more_than_100_000_categories__rest_summed_in_other() -> None:
    values = [*map(str, range(100_100)), "7"]
    feature = categorical(Baseline.fit(pa.table({"x": values}), {"x": CATEGORICAL}, 10), "x")
    assert (len(feature.categories), feature.other, feature.n) == (100_000, 100, 100_101)
    assert feature.categories[0].as_py() == "7"


def test_fit__larger_than_max_rows__uniform_sample_with_full_counts() -> None:
    table = pa.table({"x": np.arange(10_000.0), "c": ["a"] * 10_000})
    baseline = Baseline.fit(table, {"x": NUMERIC, "c": CATEGORICAL}, 1000)
    values = kept(numeric(baseline, "x"))
    assert (baseline.sampled, baseline.sampled_rows, len(set(values))) == (True, 1000, 1000)
    assert values.mean() == pytest.approx(5000, abs=4 * 2887 / 1000**0.5)
    assert (numeric(baseline, "x").n, numeric(baseline, "x").summary.maximum) == (10_000, 9999.0)
    assert categorical(baseline, "c").counts.tolist() == [10_000]


def test_fit__same_table_and_seed__same_content_hash() -> None:
    table = mixed_window(np.random.default_rng(0), 300)
    assert fit(table, 100).content_hash == fit(table, 100).content_hash
    assert (
        Baseline.fit(table, {"normal0": NUMERIC}, 100, seed=1).content_hash
        != fit(table, 100).content_hash
    )


def test_fit__bad_input__says_what_is_wrong() -> None:
    table = pa.table({"x": ["a"]})
    with pytest.raises(MissingColumn, match="'y'"):
        Baseline.fit(table, {"y": NUMERIC}, 10)
    with pytest.raises(UnusableColumn, match=r"'x'.*string"):
        Baseline.fit(table, {"x": NUMERIC}, 10)
    with pytest.raises(InsufficientData, match="no row"):
        Baseline.fit(table.slice(0, 0), {"x": CATEGORICAL}, 10)
    with pytest.raises(ValueError, match="2 bins"):
        Baseline.fit(table, {"x": CATEGORICAL}, 10, bins=1)


def test_fit__values__cannot_be_changed() -> None:
    values = kept(numeric(Baseline.fit(pa.table({"x": [1.0]}), {"x": NUMERIC}, 10), "x"))
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 2.0


@given(numbers, st.lists(st.none() | texts, min_size=1, max_size=30), st.integers(1, 40))
def test_round_trip__any_content__exact(
    values: list[float | None], names: list[str | None], max_rows: int
) -> None:
    rows = min(len(values), len(names))
    table = pa.table(
        {"x": pa.array(values[:rows], pa.float64()), "c": pa.array(names[:rows], pa.string())}
    )
    baseline = Baseline.fit(table, {"x": NUMERIC, "c": CATEGORICAL}, max_rows, bins=7)
    copy = Baseline.from_bytes(baseline.to_bytes())
    assert [plain(copy.features[name]) for name in ("x", "c")] == [
        plain(baseline.features[name]) for name in "xc"
    ]
    assert (copy.rows, copy.sampled_rows, copy.seed, copy.bins) == (
        rows,
        min(rows, max_rows),
        baseline.seed,
        7,
    )
    assert copy.content_hash == baseline.content_hash


def test_to_bytes__any_arrow_reader__can_open_it() -> None:
    data = fit(pa.table({"x": [1.0, 2.0], "c": ["a", "b"]})).to_bytes()
    assert pa.ipc.open_stream(data).read_all().column("1.categories").to_pylist() == [["a", "b"]]


def test_from_bytes__no_features__empty() -> None:
    assert Baseline.from_bytes(Baseline.fit(pa.table({"x": [1]}), {}, 5).to_bytes()).features == {}


@pytest.mark.parametrize("data", [b"", b"x" * 100, hashlib.sha256(b"").digest()])
def test_from_bytes__not_a_baseline__corrupt(data: bytes) -> None:
    with pytest.raises(CorruptBundle):
        Baseline.from_bytes(data)


def test_from_bytes__cut_or_altered_anywhere__corrupt() -> None:
    data = fit(pa.table({"x": [1.0, 2.0], "c": ["a", "b"]})).to_bytes()
    for position in range(0, len(data), 7):
        altered = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        for broken in (data[:position], altered):
            with pytest.raises(CorruptBundle):
                Baseline.from_bytes(broken)


def sealed(metadata: dict[bytes, bytes] | None) -> bytes:
    sink, schema = io.BytesIO(), pa.schema([("x", pa.int8())], metadata=metadata)
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch([pa.array([1], pa.int8())], schema=schema))
    return sink.getvalue() + hashlib.sha256(sink.getvalue()).digest()


def test_from_bytes__newer_version__unsupported() -> None:
    newer = {bundles.METADATA_KEY: json.dumps({"kind": "baseline", "format_version": 3}).encode()}
    with pytest.raises(UnsupportedBundle, match="version 3"):
        Baseline.from_bytes(sealed(newer))


OTHER_KIND = b'{"kind": "profile", "format_version": 2, "header": {}}'


@pytest.mark.parametrize(
    "header", [None, b'{"format_version": 2}', OTHER_KIND, b"[]", b"nonsense", b"{}"]
)
def test_from_bytes__another_arrow_stream__corrupt(header: bytes | None) -> None:
    with pytest.raises(CorruptBundle):
        Baseline.from_bytes(sealed({bundles.METADATA_KEY: header} if header else None))


def longer(array: pa.Array) -> pa.Array:
    return pa.concat_arrays([array, array[-1:]])


FOREIGN: dict[str, Callable[[dict[str, Any], dict[str, pa.Array]], object]] = {
    "extra key": lambda header, arrays: header.update(colour="red"),
    "extra field": lambda header, arrays: header.update(estimators=1),
    "rows of text": lambda header, arrays: header.update(rows="<b>"),
    "no seed": lambda header, arrays: header.pop("seed"),
    "columns of numbers": lambda header, arrays: header.update(held_columns=[1]),
    "no features": lambda header, arrays: header.update(features=None),
    "feature of nothing": lambda header, arrays: header["features"].append(None),
    "unknown type": lambda header, arrays: header["features"][0].update(value_type="colour"),
    "name of a number": lambda header, arrays: header["features"][0].update(name=5),
    "text of n": lambda header, arrays: header["features"][0].update(n="<b>"),
    "more n": lambda header, arrays: header["features"][1].update(n=1000),
    "text in the summary": lambda header, arrays: header["features"][0]["summary"].update(mean="x"),
    "no counts": lambda header, arrays: arrays.pop("0.counts"),
    "more counts": lambda header, arrays: arrays.update({"0.counts": longer(arrays["0.counts"])}),
    "more edges": lambda header, arrays: arrays.update({"0.edges": longer(arrays["0.edges"])}),
    "fewer values": lambda header, arrays: arrays.update({"0.values": arrays["0.values"][1:]}),
    "unordered": lambda header, arrays: arrays.update({"0.values": arrays["0.values"][::-1]}),
    "text edges": lambda header, arrays: arrays.update({"0.bin_edges": pa.array(["a", "b"])}),
    "more names": lambda header, arrays: arrays.update(
        {"1.categories": longer(arrays["1.categories"])}
    ),
    "names of numbers": lambda header, arrays: arrays.update({"1.categories": pa.array([1, 2])}),
    "array of nobody": lambda header, arrays: arrays.update({"x": pa.array([1])}),
    "no slice": lambda header, arrays: header["slices"].append({}),
}


@pytest.mark.parametrize("fault", FOREIGN)
def test_from_bytes__well_signed_but_foreign__corrupt(fault: str) -> None:
    """The bytes are sealed as ours are, so that the content alone is wrong."""
    window = pa.table({"x": np.arange(40.0), "c": ["a", "b"] * 20})
    fitted = fit(window).with_slices({"first": "c = 'a'"}, window)
    header, arrays = bundles.decode("baseline", fitted.to_bytes())
    assert Baseline.from_bytes(bundles.encode("baseline", header, arrays)).rows == 40
    FOREIGN[fault](header, arrays)
    with pytest.raises(CorruptBundle):
        Baseline.from_bytes(bundles.encode("baseline", header, arrays))


def test_from_bytes__null_as_header__corrupt() -> None:
    null = json.dumps({"kind": "baseline", "format_version": 2, "header": None}).encode()
    with pytest.raises(CorruptBundle, match="The header of the baseline is no JSON object"):
        Baseline.from_bytes(sealed({bundles.METADATA_KEY: null}))


def test_baseline__from_before_types_were_kept__judges_by_printed_names() -> None:
    """A baseline of an earlier release goes on as it was until it is built again."""
    fitted = Baseline.fit(pa.table({"c": [True, False] * 50}), {"c": FeatureKind.CATEGORICAL})
    assert fitted.features["c"].value_type is ValueType.BOOLEAN
    old = replace(
        fitted, features={"c": replace(fitted.features["c"], value_type=None)}
    )  # its bytes hold no type
    restored = Baseline.from_bytes(old.to_bytes())
    assert restored.features["c"].value_type is None
    profile = restored.profile(pa.table({"c": pa.array([1, 0], pa.int8())}).to_batches())
    found = profile.features["c"]
    assert isinstance(found, CategoricalProfile)
    assert found.unseen.counts == {"1": 1, "0": 1}


@pytest.mark.parametrize(
    ("column", "kind", "value_type"),
    [
        (pa.array([1.5, None], pa.float32()), FeatureKind.NUMERIC, ValueType.FLOAT32),
        (pa.array(["a"]).dictionary_encode(), FeatureKind.CATEGORICAL, ValueType.TEXT),
        (pa.array([date(2024, 1, 1)]), FeatureKind.NUMERIC, ValueType.DATE),
        (pa.nulls(2), FeatureKind.NUMERIC, ValueType.NULL),
    ],
)
def test_fit__type_of_the_values__is_kept_in_the_bytes(
    column: pa.Array, kind: FeatureKind, value_type: ValueType
) -> None:
    fitted = Baseline.fit(pa.table({"x": column}), {"x": kind})
    assert Baseline.from_bytes(fitted.to_bytes()).features["x"].value_type is value_type
