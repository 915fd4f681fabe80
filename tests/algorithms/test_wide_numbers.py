"""Ids beyond 2^53 are compared exactly; the oracle is scipy on their ranks, which are small numbers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate, evaluate_profile
from algorithms.method_results import FeatureDetail
from algorithms.methods import DEFAULT_LIMITS, FEATURE_METHODS
from algorithms.plan import EvaluationPlan
from algorithms.profile_format import profile_from_bytes, profile_to_bytes
from algorithms.profiles import NumericProfile, Profile
from algorithms.references import NumericReference, measure_moments
from algorithms.verdicts import Verdict
from algorithms.wide_numbers import moved_moments

BASE = 2**60
PLAN = EvaluationPlan(methods={method: DEFAULT_LIMITS[method] for method in FEATURE_METHODS})
COMPARED = ("ks", "psi", "wasserstein", "jensen_shannon", "hellinger")
NUMERIC = {"x": FeatureKind.NUMERIC}

type Make = Callable[[Sequence[int]], pa.Array]

EXACT: dict[str, Make] = {
    "int64": lambda v: pa.array(v, pa.int64()),
    "uint64": lambda v: pa.array(v, pa.uint64()),
    "decimal(20, 0)": lambda v: pa.array([Decimal(x) for x in v], pa.decimal128(20, 0)),
    "decimal(24, 2)": lambda v: pa.array([Decimal(x) for x in v], pa.decimal128(24, 2)),
}
ROUNDED: dict[str, Make] = {
    "float64": lambda v: pa.array([float(x) for x in v]),
    "float32": lambda v: pa.array([float(x) for x in v], pa.float32()),
}
PAIRS = [(left, right) for left in EXACT for right in EXACT]


def fit(column: pa.Array) -> Baseline:
    return Baseline.fit(pa.table({"x": column}), NUMERIC)


def reference_of(baseline: Baseline) -> NumericReference:
    reference = baseline.features["x"]
    assert isinstance(reference, NumericReference)
    return reference


def details_of(baseline: Baseline, column: pa.Array) -> dict[str, FeatureDetail]:
    results = evaluate(baseline, pa.table({"x": column}), PLAN)
    return {each.method.value: each.details[0] for each in results if each.details}


def ids(seed: int, rows: int, span: int, base: int = BASE) -> list[int]:
    drawn = np.random.default_rng(seed).integers(0, span, rows)
    return [base + int(each) for each in drawn]


def ks_of_ranks(reference: Sequence[int], current: Sequence[int]) -> float:
    _, ranks = np.unique(np.array([*reference, *current], object), return_inverse=True)
    found = stats.ks_2samp(ranks[: len(reference)], ranks[len(reference) :])
    return float(found.statistic)


@pytest.mark.parametrize(("left", "right"), PAIRS)
@settings(max_examples=5, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    span=st.sampled_from([5, 100, 2**20, 2**52]),
    shift=st.integers(-150, 150),
    base=st.sampled_from([2**53, BASE, 2**63 - 2**54]),
)
def test_evaluate__ids_beyond_2_to_the_53__ks_of_their_ranks(
    left: str, right: str, seed: int, span: int, shift: int, base: int
) -> None:
    reference = ids(seed, 400, span, base + 200)
    current = ids(seed + 1, 300, span, base + 200 + shift)
    found = details_of(fit(EXACT[left](reference)), EXACT[right](current))["ks"]
    assert found.statistic == pytest.approx(ks_of_ranks(reference, current), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**20), negative=st.booleans())
def test_evaluate__hashes_over_all_of_int64__ks_of_their_ranks(seed: int, negative: bool) -> None:
    rng = np.random.default_rng(seed)
    low = -(2**63) if negative else 0
    reference, current = (rng.integers(low, 2**63 - 1, rows) for rows in (400, 300))
    found = details_of(fit(pa.array(reference)), pa.array(current))["ks"]
    expected = ks_of_ranks(reference.tolist(), current.tolist())
    assert found.statistic == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kept", [True, False])
def test_evaluate__next_hundred_ids__every_distance_is_a_drift(kept: bool) -> None:
    reference = EXACT["int64"](ids(0, 3000, 100))
    baseline = fit(reference) if kept else fit(reference).without_values()
    found = details_of(baseline, EXACT["int64"](ids(1, 3000, 100, BASE + 100)))
    assert {found[method].verdict for method in COMPARED} == {Verdict.DRIFT}
    assert found["range"].statistic == 1.0


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("name", [*EXACT, *ROUNDED])
def test_evaluate__same_ids_in_another_type__nothing_differs(name: str, kept: bool) -> None:
    values = ids(0, 3000, 700)
    baseline = fit(EXACT["int64"](values))
    makers = EXACT | ROUNDED
    found = details_of(baseline if kept else baseline.without_values(), makers[name](values))
    assert {detail.verdict for detail in found.values()} == {Verdict.OK}
    assert [found[method].statistic for method in COMPARED] == pytest.approx([0.0] * 5, abs=0.01)


@pytest.mark.parametrize("kept", [True, False])
def test_evaluate__floats_that_moved_by_more_than_their_rounding__drift(kept: bool) -> None:
    baseline = fit(EXACT["int64"](ids(0, 3000, 100_000)))
    moved = ROUNDED["float64"](ids(1, 3000, 100_000, BASE + 50_000))
    found = details_of(baseline if kept else baseline.without_values(), moved)
    assert found["ks"].verdict is Verdict.DRIFT
    assert found["ks"].statistic == pytest.approx(0.5, abs=0.03)


def test_evaluate__one_id_that_became_the_next__drift() -> None:
    found = details_of(fit(pa.array([BASE + 1] * 500)), pa.array([BASE + 2] * 500))
    assert found["ks"].statistic == 1.0


def test_evaluate__ids_beyond_2_to_the_53__shown_as_they_are() -> None:
    reference, current = ids(0, 3000, 100), ids(1, 3000, 100, BASE + 50)
    found = details_of(fit(EXACT["int64"](reference)), EXACT["uint64"](current))
    for values, summary in (
        (reference, found["ks"].reference_summary),
        (current, found["ks"].current_summary),
    ):
        assert summary is not None
        assert (summary.minimum, summary.maximum) == (min(values), max(values))
        assert summary.mean == sum(values) // len(values)
        assert summary.std == pytest.approx(np.std(np.array(values) - BASE, ddof=1))
    assert found["range"].explanation["reference_range"] == [min(reference), max(reference)]
    assert found["range"].explanation["current_range"] == [min(current), max(current)]
    assert set(found["psi"].explanation["edges"]) <= set(range(BASE, BASE + 100))
    assert found["ks"].explanation["location"] in range(BASE, BASE + 151)


def test_fit__rare_far_number_in_a_small_column__as_without_it() -> None:
    small = np.random.default_rng(0).integers(0, 1000, 5000)
    for far, share in ((2**63 - 1, 0.01), (-(2**63), 0.7)):
        is_far = np.random.default_rng(1).random(5000) < share
        reference = reference_of(fit(pa.array(np.where(is_far, far, small))))
        assert reference.origin is None
        assert reference.values is not None
        assert set(small[~is_far].tolist()) <= set(reference.values.tolist())


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 2999), max_size=6),
    small=st.integers(0, 2000),
    max_rows=st.sampled_from([100, 700, 10_000]),
)
def test_fit__column_in_pieces__baseline_of_the_whole(
    cuts: list[int], small: int, max_rows: int
) -> None:
    values = [*range(small), *ids(small, 3000 - small, 500)]
    column = pa.array(values, pa.int64())
    batches = batches_of(column, cuts)
    whole = Baseline.fit(pa.table({"x": column}), NUMERIC, max_rows=max_rows)
    streamed = Baseline.fit(batches, NUMERIC, max_rows=max_rows)
    one, other = reference_of(whole), reference_of(streamed)
    assert one.origin == other.origin
    assert one.values is not None
    assert other.values is not None
    assert np.array_equal(one.values, other.values)
    assert replace(one.summary, mean=0, std=0) == replace(other.summary, mean=0, std=0)
    assert Baseline.from_bytes(streamed.to_bytes()).content_hash == streamed.content_hash


def batches_of(column: pa.Array, cuts: Sequence[int]) -> list[pa.RecordBatch]:
    ends = sorted({0, *cuts, len(column)})
    parts = [column.slice(start, end - start) for start, end in pairwise(ends)]
    return [pa.record_batch({"x": part}) for part in parts]


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 2999), max_size=6), seed=st.integers(0, 2**20))
def test_profile__window_in_parts__result_of_the_whole(cuts: list[int], seed: int) -> None:
    baseline = fit(EXACT["int64"](ids(seed, 3000, 500))).without_values()
    column = EXACT["int64"](ids(seed + 1, 3000, 500, BASE + 20))
    batches = batches_of(column, cuts)
    parts = [baseline.profile([batch]) for batch in batches]
    sent = [profile_from_bytes(profile_to_bytes(part)) for part in parts]
    merged = evaluate_profile(baseline, Profile.merge(sent), PLAN)
    whole = evaluate(baseline, pa.Table.from_batches(batches), PLAN)
    assert [each.as_json() for each in merged] == [each.as_json() for each in whole]
    in_one = details_of(baseline, column)
    assert all(in_one[each.method].statistic == each.statistic for each in merged if each.details)


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=20))
def test_moved_moments__whole_numbers__sums_of_the_exact_distances(values: list[int]) -> None:
    centre = float(values[0])
    floats = np.array(values, np.float64)
    moments = measure_moments(floats, centre)
    moved = moved_moments(moments, centre, BASE)
    assert moved.distances.units is not None
    shift = Fraction(moved.distances.units, 2**1074)
    error = abs(shift - sum(value - BASE for value in values))
    assert error <= sum(abs(Fraction(value) - Fraction(centre)) for value in values) / 2**50
    assert moved.minimum == float(min(values) - BASE)


def test_baseline__without_an_origin__has_none_in_its_bytes() -> None:
    baseline = fit(pa.array(np.arange(1000)))
    header: Any = baseline._bundle()[0]
    assert "origin" not in header["features"][0]
    assert reference_of(Baseline.from_bytes(baseline.to_bytes())).origin is None


def test_evaluate__window_beyond_2_to_the_53_reference_below__above_every_cell() -> None:
    reference: npt.NDArray[np.int64] = np.arange(2**53 - 500, 2**53)
    found = details_of(fit(pa.array(reference)), pa.array(reference + 500))
    assert found["ks"].statistic == 1.0
    assert found["range"].statistic == 1.0


@pytest.mark.parametrize("kept", [True, False])
def test_profile__floats_without_a_number__counted_as_missing(kept: bool) -> None:
    baseline = fit(EXACT["int64"](ids(0, 3000, 100)))
    window = pa.table(
        {"x": pa.array([float(BASE), np.nan, None, np.inf, np.inf], from_pandas=False)}
    )
    profile = baseline.profile_feature(window, "x", keep_values=kept)
    assert isinstance(profile, NumericProfile)
    assert (profile.rows, profile.nans, profile.nulls, profile.infinite) == (3, 1, 1, 2)
    empty = baseline.profile_feature(window.slice(0, 0), "x", keep_values=kept)
    assert isinstance(empty, NumericProfile)
    assert empty.rows == 0
