import datetime as dt
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms import categories
from algorithms.arrays import FloatArray
from algorithms.baseline import Baseline, FeatureKind
from algorithms.categories import Unseen
from algorithms.profile_format import profile_from_bytes, profile_to_bytes
from algorithms.profiles import (
    CategoricalProfile,
    FeatureProfile,
    NumericProfile,
    Profile,
    Unprofiled,
)

NUMERIC, CATEGORICAL = FeatureKind.NUMERIC, FeatureKind.CATEGORICAL
INF, NAN = float("inf"), float("nan")
KINDS = {"x": NUMERIC, "c": CATEGORICAL}

usual = st.floats(-1e3, 1e3) | st.sampled_from([0.0, 5.0, -5.0, INF, -INF, NAN])
rows_of = st.lists(
    st.tuples(st.none() | usual, st.none() | st.sampled_from(list("abcdefg"))),
    min_size=1,
    max_size=60,
)
any_rows = st.lists(
    st.tuples(st.none() | st.floats(), st.none() | st.text(max_size=3)), min_size=1, max_size=40
)


def reference_baseline(size: int = 400) -> Baseline:
    rng = np.random.default_rng(0)
    columns = {"x": rng.normal(0, 300, size), "c": rng.choice(list("abc"), size)}
    return Baseline.fit(pa.table(columns), KINDS)


BASELINE = reference_baseline()


def batch_of(rows: list[tuple[float | None, str | None]]) -> pa.RecordBatch:
    values, names = zip(*rows, strict=True) if rows else ((), ())
    return pa.record_batch({"x": pa.array(values, pa.float64()), "c": pa.array(names, pa.string())})


def cut(batch: pa.RecordBatch, places: list[int]) -> list[pa.RecordBatch]:
    ends = sorted({0, batch.num_rows, *(place % (batch.num_rows + 1) for place in places)})
    return [batch.slice(start, stop - start) for start, stop in pairwise(ends)]


def numeric(profile: Profile) -> NumericProfile:
    feature = profile.features["x"]
    assert isinstance(feature, NumericProfile)
    return feature


def categorical(profile: Profile) -> CategoricalProfile:
    feature = profile.features["c"]
    assert isinstance(feature, CategoricalProfile)
    return feature


def whole_numbers(profile: Profile) -> list[Any]:
    """The figures that no way of cutting may change at all."""
    x, c = numeric(profile), categorical(profile)
    moments = [
        x.moments.finite,
        x.moments.minimum,
        x.moments.maximum,
        x.moments.rows_below,
        x.moments.rows_above,
    ]
    unseen = [c.unseen.rows, dict(c.unseen.counts), c.unseen.is_complete]
    return [
        profile.rows,
        x.counts.tolist(),
        x.nulls,
        x.nans,
        moments,
        c.counts.tolist(),
        c.nulls,
        unseen,
    ]


def everything(profile: Profile) -> list[Any]:
    return [*whole_numbers(profile), numeric(profile).moments]


@given(rows_of, st.lists(st.integers(0, 1000), max_size=5), st.randoms())
@settings(max_examples=80)
def test_merge__any_split_in_any_order__is_the_whole(
    rows: Any, places: list[int], random: Any
) -> None:
    batch = batch_of(rows)
    parts = [BASELINE.profile([part]) for part in cut(batch, places)]
    shuffled = random.sample(parts, len(parts))
    whole, merged = BASELINE.profile([batch]), Profile.merge(shuffled)
    assert whole_numbers(merged) == whole_numbers(whole)
    assert everything(Profile.merge(parts)) == everything(merged)
    assert everything(BASELINE.profile(cut(batch, places))) == everything(merged)


@given(rows_of, st.lists(st.integers(0, 1000), max_size=5))
@settings(max_examples=40)
def test_profile_columns__columns_in_pieces__as_batch_by_batch(
    rows: Any, places: list[int]
) -> None:
    batches = cut(batch_of(rows), places)
    assert everything(BASELINE.profile_columns(pa.Table.from_batches(batches))) == everything(
        BASELINE.profile(batches)
    )


@given(rows_of, st.lists(st.integers(0, 1000), max_size=5))
@settings(max_examples=80)
def test_profile__any_split__mean_and_deviation_are_numpys(rows: Any, places: list[int]) -> None:
    values = np.array([NAN if value is None else value for value, _ in rows])
    finite = values[np.isfinite(values)]
    reference = BASELINE.features["x"]
    found = numeric(BASELINE.profile(cut(batch_of(rows), places))).moments.summary(reference.centre)  # type: ignore[union-attr]
    if not len(finite):
        assert found.mean is found.std is found.minimum is None
        return
    assert (found.minimum, found.maximum) == (finite.min(), finite.max())
    assert found.mean == pytest.approx(finite.mean(), rel=1e-12, abs=1e-10)
    assert found.std == pytest.approx(
        finite.std(ddof=1) if len(finite) > 1 else 0.0, rel=1e-12, abs=1e-4
    )


def test_profile__many_rows__mean_and_deviation_are_numpys_to_twelve_digits() -> None:
    values = np.random.default_rng(1).normal(40, 300, 50_000)
    batches = cut(pa.record_batch({"x": values, "c": ["a"] * 50_000}), [1, 7, 4096, 20_001, 49_999])
    found = numeric(BASELINE.profile(batches)).moments.summary(BASELINE.features["x"].centre)  # type: ignore[union-attr]
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.std == pytest.approx(values.std(ddof=1), rel=1e-12)


@given(rows_of)
@settings(max_examples=80)
def test_profile__any_rows__counts_and_sums_beyond_the_range_by_brute_force(rows: Any) -> None:
    values = np.array([NAN if value is None else value for value, _ in rows])
    finite, summary = values[np.isfinite(values)], BASELINE.features["x"].summary  # type: ignore[union-attr]
    found = numeric(BASELINE.profile([batch_of(rows)]))
    below, above = finite[finite < summary.minimum], finite[finite > summary.maximum]
    assert (found.nulls, found.nans) == (
        sum(value is None for value, _ in rows),
        sum(value is not None and np.isnan(value) for value, _ in rows),
    )
    assert (found.moments.rows_below, found.moments.rows_above) == (len(below), len(above))
    assert found.moments.below.over(1) == pytest.approx((summary.minimum - below).sum())
    assert found.moments.above.over(1) == pytest.approx((above - summary.maximum).sum())
    assert (found.rows, found.infinite) == (np.sum(~np.isnan(values)), np.sum(np.isinf(values)))


@given(rows_of)
@settings(max_examples=80)
def test_profile__any_rows__categories_counted_by_name(rows: Any) -> None:
    found, expected = (
        categorical(BASELINE.profile([batch_of(rows)])),
        Counter(name for _, name in rows),
    )
    known = dict(zip(BASELINE.features["c"].categories.to_pylist(), found.counts, strict=True))  # type: ignore[union-attr]
    assert found.nulls == expected.pop(None, 0)
    assert known == {name: expected[name] for name in known}
    assert found.unseen.counts == {
        name: count for name, count in expected.items() if name not in known
    }


@given(any_rows, st.lists(st.integers(0, 1000), max_size=3))
@settings(max_examples=80)
def test_bytes__any_profile__round_trip_exactly(rows: Any, places: list[int]) -> None:
    profile = BASELINE.profile(cut(batch_of(rows), places), max_value_rows=100)
    copy = profile_from_bytes(profile_to_bytes(profile))
    assert everything(copy) == everything(profile)
    assert profile_to_bytes(copy) == profile_to_bytes(profile)
    assert numeric(copy).values is None


def test_bytes__merged_after_the_journey__as_merged_before() -> None:
    parts = [BASELINE.profile([batch_of([(value, "z"), (None, "a")])]) for value in (1.0, 1e9, INF)]
    travelled = [profile_from_bytes(profile_to_bytes(part)) for part in parts]
    assert everything(Profile.merge(travelled)) == everything(Profile.merge(parts[::-1]))


def test_bytes__column_that_could_not_be_read__keeps_its_reason() -> None:
    profile = profile_from_bytes(
        profile_to_bytes(BASELINE.profile([pa.record_batch({"x": ["a"]})]))
    )
    assert {
        name: each.reason for name, each in profile.features.items() if isinstance(each, Unprofiled)
    } == {
        "x": "Expected float64 values, as in the reference, but the column holds text.",
        "c": "The window has no column 'c'.",
    }


def test_merge__a_part_that_could_not_be_read__is_the_reason_in_any_order() -> None:
    good, bad = (
        BASELINE.profile([batch_of([(1.0, "a")])]),
        BASELINE.profile([pa.record_batch({"c": ["a"]})]),
    )
    for parts in ([good, bad], [bad, good], [bad, good, bad]):
        assert isinstance(Profile.merge(parts).features["x"], Unprofiled)
        assert categorical(Profile.merge(parts)).rows == len(parts)


def test_merge__nothing_or_other_features__value_error() -> None:
    other = Baseline.fit(pa.table({"y": [1.0]}), {"y": NUMERIC}).profile(
        [pa.record_batch({"y": [1.0]})]
    )
    with pytest.raises(ValueError, match="no profile"):
        Profile.merge([])
    with pytest.raises(ValueError, match="different baselines"):
        Profile.merge([other, BASELINE.profile([])])
    swapped = Baseline.fit(
        pa.table({"x": ["a"], "c": [1.0]}), {"x": CATEGORICAL, "c": NUMERIC}
    ).profile([])
    with pytest.raises(ValueError, match="different baselines"):
        Profile.merge([swapped, BASELINE.profile([])])


def test_profile__no_batches__no_rows() -> None:
    profile = BASELINE.profile([])
    assert (profile.rows, numeric(profile).rows, categorical(profile).rows) == (0, 0, 0)
    assert numeric(profile).counts.shape == BASELINE.features["x"].counts.shape


@pytest.mark.parametrize(("max_value_rows", "kept"), [(0, None), (5, None), (6, 6), (100, 6)])
def test_profile__values__kept_up_to_a_number_of_rows(
    max_value_rows: int, kept: int | None
) -> None:
    batches = [batch_of([(1.0, "a"), (None, "b"), (2.0, "c")]) for _ in range(2)]
    values = numeric(BASELINE.profile(batches, max_value_rows=max_value_rows)).values
    assert (None if values is None else sum(len(chunk) for chunk, _ in values)) == kept


def by_hash(names: set[str], count: int) -> set[str]:
    return set(sorted(names, key=categories._hash)[:count])


@given(
    st.lists(
        st.lists(st.sampled_from([f"new{index}" for index in range(12)]), max_size=8), max_size=6
    ),
    st.randoms(),
)
@settings(max_examples=80)
def test_unseen__more_than_are_kept__free_of_order_and_kept_counts_complete(
    parts: list[list[str]], random: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(categories, "MAX_UNSEEN", 4)
        profiles = [BASELINE.profile([batch_of([(0.0, name) for name in part])]) for part in parts]
        merged = Profile.merge([BASELINE.profile([]), *random.sample(profiles, len(profiles))])
    found, expected = categorical(merged).unseen, Counter(name for part in parts for name in part)
    kept = by_hash(set(expected), 4)
    assert found.counts == {name: expected[name] for name in kept}
    assert (found.rows, found.is_complete) == (expected.total(), len(expected) <= 4)


def test_unseen__nothing_added__itself() -> None:
    some = Unseen(rows=2, counts={"a": 2})
    assert some + Unseen() == some == Unseen() + some


INTEGERS = [0, 1, 1, 2, 7, 100, None]
TYPES: list[tuple[pa.DataType, list[Any]]] = [
    *(
        (getattr(pa, name)(), INTEGERS)
        for name in ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
    ),
    (pa.float16(), [*map(np.float16, (0.5, 1.5, 1.5, -2.25)), None]),
    (pa.float32(), [0.5, 1.5, 1.5, -2.25, None]),
    (pa.float64(), [0.1, 1.5, 1.5, -2.25, 1e300, None]),
    (pa.decimal128(9, 2), [Decimal("1.25"), Decimal("1.25"), Decimal("-3.50"), None]),
    (pa.decimal256(60, 2), [Decimal("1.25"), Decimal("1.25"), Decimal("-3.50"), None]),
    (pa.bool_(), [True, False, True, None]),
    (pa.date32(), [dt.date(1970, 1, 2), dt.date(1969, 12, 31), dt.date(2024, 2, 29), None]),
    (pa.date64(), [dt.date(1970, 1, 2), dt.date(1969, 12, 31), dt.date(2024, 2, 29), None]),
    *(
        (pa.timestamp(unit), [dt.datetime(2024, 2, 29, 12), dt.datetime(1969, 1, 1), None])
        for unit in ("s", "ns")
    ),
    (pa.timestamp("us", "UTC"), [dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC), None]),
    *(
        (pa.duration(unit), [dt.timedelta(hours=1), dt.timedelta(days=-2), None])
        for unit in ("s", "ms", "us")
    ),
]


def as_number(value: Any) -> float:
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=dt.UTC).timestamp()
    if isinstance(value, dt.date):
        return (value - dt.date(1970, 1, 1)).days * 86_400.0
    return value.total_seconds() if isinstance(value, dt.timedelta) else float(value)


@pytest.mark.parametrize(("data_type", "values"), TYPES, ids=lambda each: str(each)[:20])
def test_profile__any_arrow_type_as_numbers__counts_by_brute_force(
    data_type: pa.DataType, values: list[Any]
) -> None:
    column = pa.chunked_array(
        [pa.array(values, data_type), pa.array(values[::-1], data_type).slice(1)]
    )
    baseline = Baseline.fit(pa.table({"x": column}), {"x": NUMERIC})
    numbers = np.array(
        [as_number(value) for value in [*values, *values[-2::-1]] if value is not None]
    )
    reference = baseline.features["x"]
    found = numeric(baseline.profile(pa.table({"x": column}).to_batches()))
    grid = reference.grid  # type: ignore[union-attr]
    expected = np.bincount(np.searchsorted(grid.edges, numbers), minlength=grid.cells)
    np.testing.assert_array_equal(found.counts, expected)
    np.testing.assert_array_equal(reference.values, np.sort(numbers))  # type: ignore[union-attr]
    assert (found.nulls, found.nans) == (column.null_count, 0)


def as_name(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        value = float(value)
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


@pytest.mark.parametrize(
    ("data_type", "values"),
    [each for each in TYPES if not pa.types.is_temporal(each[0]) and each[0] != pa.float64()],
    ids=lambda each: str(each)[:20],
)
def test_profile__any_arrow_type_as_names__counts_by_brute_force(
    data_type: pa.DataType, values: list[Any]
) -> None:
    column = pa.array(values, data_type)
    baseline = Baseline.fit(pa.table({"c": column}), {"c": CATEGORICAL})
    found, expected = (
        categorical(baseline.profile(pa.table({"c": column}).to_batches())),
        Counter(map(as_name, values)),
    )
    del expected["None"]
    names = baseline.features["c"].categories.to_pylist()  # type: ignore[union-attr]
    assert dict(zip(names, found.counts, strict=True)) == expected
    assert (found.unseen.rows, found.nulls) == (0, 1)


@pytest.mark.parametrize("data_type", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize("is_dictionary", [False, True])
def test_profile__any_text_type__same_counts(data_type: pa.DataType, is_dictionary: bool) -> None:
    values = ["a", "b", None, "new", "", "a", "new"]
    if is_dictionary and data_type == pa.string_view():
        pytest.skip("pyarrow makes no dictionary of views")
    column = pa.array(values, data_type)
    batch = pa.record_batch({"c": column.dictionary_encode() if is_dictionary else column})
    found = categorical(BASELINE.profile([batch, batch]))
    assert found.unseen.counts == {"new": 4, "": 2}
    assert [int(found.counts.sum()), found.nulls, found.rows] == [6, 2, 12]


@pytest.mark.parametrize("column", [pa.nulls(5), pa.nulls(5, pa.float64()), pa.array([NAN] * 5)])
def test_profile__nothing_but_missing__counted_as_such(column: pa.Array) -> None:
    for name in ("x", "c"):
        found: FeatureProfile | Unprofiled = BASELINE.profile(
            [pa.record_batch({name: column})]
        ).features[name]
        assert not isinstance(found, Unprofiled)
        assert (found.rows, found.missing) == (0, 5)


def test_profile__slices_of_a_longer_column__only_their_own_rows() -> None:
    values: FloatArray = np.arange(100.0)
    column = pa.array(values, mask=values % 3 == 0)
    found = numeric(BASELINE.profile([pa.record_batch({"x": column.slice(10, 20)})]))
    assert (found.rows, found.nulls, found.moments.minimum) == (14, 6, 10.0)


def fitting_rows(rows: int, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    values = pa.array(rng.lognormal(size=rows), mask=rng.random(rows) < 0.1)
    return pa.table({"x": values, "c": rng.zipf(1.5, rows).astype(str)})


@pytest.mark.parametrize("max_rows", [100, 700, 10_000])
def test_fit__batches_or_the_table_of_them__one_baseline(max_rows: int) -> None:
    batches = fitting_rows(3000).to_batches(max_chunksize=400)
    from_batches = Baseline.fit(iter(batches), KINDS, max_rows)
    assert (
        from_batches.content_hash
        == Baseline.fit(pa.Table.from_batches(batches), KINDS, max_rows).content_hash
    )


@given(st.lists(st.integers(0, 3000), max_size=8), st.sampled_from([10, 100, 1400, 2999]))
@settings(max_examples=25)
def test_fit__more_rows_than_are_kept__same_sample_however_cut(
    places: list[int], max_rows: int
) -> None:
    batch = fitting_rows(3000).combine_chunks().to_batches()[0]
    whole, parts = (
        Baseline.fit(each, KINDS, max_rows) for each in (iter([batch]), iter(cut(batch, places)))
    )
    x, other = whole.features["x"], parts.features["x"]
    np.testing.assert_array_equal(x.values, other.values)  # type: ignore[union-attr]
    np.testing.assert_array_equal(x.counts, other.counts)
    mine, theirs = x.summary, other.summary  # type: ignore[union-attr]
    assert (x.n, x.missing, mine.maximum) == (other.n, other.missing, theirs.maximum)
    assert (mine.mean, mine.std) == pytest.approx((theirs.mean, theirs.std), rel=1e-12)
    assert parts.features["c"].categories == whole.features["c"].categories  # type: ignore[union-attr]


def test_fit__thinned_many_times__still_a_uniform_sample_of_the_same_rows() -> None:
    ascending = np.arange(20_000.0)
    batches = pa.table({"x": ascending, "y": -ascending}).to_batches(max_chunksize=37)
    baseline = Baseline.fit(iter(batches), {"x": NUMERIC, "y": NUMERIC}, 500)
    x, y = (np.asarray(baseline.features[name].values) for name in "xy")  # type: ignore[union-attr]
    np.testing.assert_array_equal(x, -y[::-1])
    assert len(set(x)) == 500
    assert np.bincount((x // 2000).astype(int)).tolist() == pytest.approx(
        [50] * 10, abs=4 * 45**0.5
    )


def test_fit__more_distinct_categories_than_held__counts_of_all_rows_stay_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("algorithms.fitting.MAX_DISTINCT", 40)
    names = [name for index in range(300) for name in (f"once{index}", "often", "also")]
    batches = pa.table({"c": names}).to_batches(max_chunksize=30)
    feature = Baseline.fit(iter(batches), {"c": CATEGORICAL}).features["c"]
    counts = dict(zip(feature.categories.to_pylist(), feature.counts.tolist(), strict=True))  # type: ignore[union-attr]
    assert feature.n == 900 == feature.counts.sum() + feature.other  # type: ignore[union-attr]
    assert (counts["often"], counts["also"], len(counts) <= 40) == (300, 300, True)


def test_fit__first_row_far_away__deviation_does_not_lose_its_digits() -> None:
    values = np.append(1e9, np.random.default_rng(0).normal(size=10_000))
    summary = Baseline.fit(pa.table({"x": values}), {"x": NUMERIC}).features["x"].summary  # type: ignore[union-attr]
    assert (summary.mean, summary.std) == pytest.approx(
        (values.mean(), values.std(ddof=1)), rel=1e-11
    )
