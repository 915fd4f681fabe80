import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from algorithms.arrays import FloatArray
from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate, evaluate_profile
from algorithms.grid import Grid
from algorithms.method_results import FeatureDetail
from algorithms.methods import DEFAULT_LIMITS, Method
from algorithms.plan import EvaluationPlan
from algorithms.references import NumericReference
from tests.algorithms.windows import fit

INF, NAN = float("inf"), float("nan")
PLAN = EvaluationPlan(methods=DEFAULT_LIMITS, min_rows=1).without_schema()
NUMERIC = {"x": FeatureKind.NUMERIC}

samples = st.lists(st.floats(-1e6, 1e6) | st.integers(-3, 3).map(float), min_size=1, max_size=40)
infinite_samples = st.lists(
    st.floats(allow_nan=False) | st.integers(-3, 3).map(float), min_size=1, max_size=40
)


def baseline_of(values: Any) -> Baseline:
    return Baseline.fit(pa.table({"x": np.asarray(values, np.float64)}), NUMERIC)


def details_of(
    baseline: Baseline, values: Any, plan: EvaluationPlan = PLAN
) -> dict[Method, FeatureDetail]:
    outcomes = evaluate(baseline, pa.table({"x": values}), plan)
    return {Method(outcome.method): outcome.details[0] for outcome in outcomes if outcome.details}


def numeric(baseline: Baseline) -> NumericReference:
    reference = baseline.features["x"]
    assert isinstance(reference, NumericReference)
    return reference


def number(value: float | None) -> float:
    assert value is not None
    return value


def drawn(name: str, rows: int, seed: int, shift: float = 0.0) -> FloatArray:
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=rows) + shift
    shapes: dict[str, Any] = {
        "normal": normal,
        "rounded": normal.round(),
        "zeros": np.where(rng.random(rows) < 0.9, 0.0, normal),
        "constant": np.full(rows, 3.0 + shift),
        "cauchy": rng.standard_cauchy(rows) + shift,
        "infinite": np.where(
            rng.random(rows) < 0.1, INF, np.where(rng.random(rows) < 0.1, -INF, normal)
        ),
        "timestamps": 1.7e9 + (rng.random(rows) + shift) * 1e-3,
        "clusters": rng.choice([-1e12, 1e12], rows) + normal,
        "lognormal": np.exp(3 * normal),
    }
    return np.asarray(shapes[name], np.float64)


shapes = pytest.mark.parametrize(
    "shape",
    [
        "normal",
        "rounded",
        "zeros",
        "constant",
        "cauchy",
        "infinite",
        "timestamps",
        "clusters",
        "lognormal",
    ],
)
finite_shapes = pytest.mark.parametrize(
    "shape", ["normal", "rounded", "zeros", "cauchy", "timestamps", "clusters", "lognormal"]
)
shifts = pytest.mark.parametrize("shift", [0.0, 0.3])
sizes = pytest.mark.parametrize(
    ("n", "m"), [(1, 1), (40, 30), (500, 500), (3000, 1200), (30_000, 11_000)]
)


def exact_gap(before: FloatArray, after: FloatArray) -> tuple[float, float]:
    found = stats.ks_2samp(before, after, method="auto")
    return float(found.statistic), float(found.pvalue)


def widest_gap(before: list[float], after: list[float]) -> float:
    return float(
        max(
            abs(np.mean(np.array(before) <= x) - np.mean(np.array(after) <= x))
            for x in before + after
        )
    )


@sizes
@shifts
@shapes
def test_ks__values_kept__scipys_statistic_and_p_value(
    shape: str, shift: float, n: int, m: int
) -> None:
    before, after = drawn(shape, n, 1), drawn(shape, m, 2, shift)
    statistic, p_value = exact_gap(before, after)
    found = details_of(baseline_of(before), after)[Method.KS]
    assert found.statistic == pytest.approx(statistic, abs=1e-12)
    assert found.p_value == pytest.approx(p_value, rel=1e-6, abs=1e-300)
    assert found.explanation["error_bound"] == 0


@given(infinite_samples, infinite_samples)
@settings(max_examples=60)
def test_ks__any_values__widest_gap_by_brute_force(before: list[float], after: list[float]) -> None:
    found = details_of(baseline_of(before), after)[Method.KS]
    assert found.statistic == pytest.approx(widest_gap(before, after), abs=1e-12)


@sizes
@shifts
@shapes
def test_ks__binned__not_above_the_exact_and_within_its_bound(
    shape: str, shift: float, n: int, m: int
) -> None:
    before, after = drawn(shape, n, 1), drawn(shape, m, 2, shift)
    statistic, _ = exact_gap(before, after)
    found = details_of(baseline_of(before).without_values(), after)[Method.KS]
    bound = found.explanation["error_bound"]
    assert number(found.statistic) - 1e-12 <= statistic <= number(found.statistic) + bound + 1e-12
    if min(n, m) >= 500:
        assert bound < 0.01


@given(samples, samples)
@settings(max_examples=60)
def test_ks__binned_by_any_few_cells__within_its_bound(
    before: list[float], after: list[float]
) -> None:
    grid = Grid.from_sorted(np.sort(before), 2, 4)
    counts = np.bincount(np.searchsorted(grid.edges, before), minlength=grid.cells)
    coarse = replace(
        numeric(baseline_of(before)), grid=grid, counts=counts, bin_edges=grid.edges, values=None
    )
    baseline, statistic = (
        replace(baseline_of(before), features={"x": coarse}),
        widest_gap(before, after),
    )
    found = details_of(baseline, after)[Method.KS]
    assert number(found.statistic) - 1e-12 <= statistic
    assert statistic <= number(found.statistic) + found.explanation["error_bound"] + 1e-12


def test_ks__sampled_reference_with_nulls__scipys_on_the_kept_rows() -> None:
    table = pa.table({"x": pa.array(drawn("normal", 4000, 1), mask=drawn("normal", 4000, 9) > 1)})
    baseline = Baseline.fit(table, NUMERIC, max_rows=1000)
    after = drawn("normal", 900, 2, 0.2)
    found = details_of(baseline, np.append(after, [NAN, NAN]))[Method.KS]
    statistic, p_value = exact_gap(np.asarray(numeric(baseline).values), after)
    assert (found.statistic, found.p_value) == pytest.approx((statistic, p_value), rel=1e-9)


@sizes
@shifts
@finite_shapes
def test_wasserstein__values_kept__scipys(shape: str, shift: float, n: int, m: int) -> None:
    before, after = drawn(shape, n, 1), drawn(shape, m, 2, shift)
    found = details_of(baseline_of(before), after)[Method.WASSERSTEIN]
    if n == 1 or not before.std():
        assert "no standard deviation" in found.reason
        return
    expected = stats.wasserstein_distance(before, after)
    assert found.explanation == {"distance": pytest.approx(expected, rel=1e-9), "error_bound": 0.0}
    assert found.statistic == pytest.approx(expected / (before - before[0]).std(ddof=1), rel=1e-9)


@sizes
@shifts
@finite_shapes
def test_wasserstein__binned__within_its_bound(shape: str, shift: float, n: int, m: int) -> None:
    before, after = drawn(shape, n, 1), drawn(shape, m, 2, shift)
    found = details_of(baseline_of(before).without_values(), after)[Method.WASSERSTEIN]
    if n == 1 or not before.std():
        return
    expected, bound = stats.wasserstein_distance(before, after), found.explanation["error_bound"]
    rounding = 1e-9 * max(np.abs(before).max(), np.abs(after).max(), expected)
    assert found.explanation["distance"] == pytest.approx(expected, abs=bound + rounding)


@given(samples, samples)
@settings(max_examples=60)
def test_wasserstein__any_values_binned__within_its_bound(
    before: list[float], after: list[float]
) -> None:
    if len(set(before)) < 2 or np.std(before) < 1e-6:
        return
    found = details_of(baseline_of(before).without_values(), after)[Method.WASSERSTEIN].explanation
    expected = stats.wasserstein_distance(before, after)
    assert found["distance"] == pytest.approx(expected, rel=1e-9, abs=found["error_bound"] + 1e-6)


@sizes
@shifts
@shapes
def test_distances_and_psi__cells_of_equal_shares__scipys_on_the_same_counts(
    shape: str, shift: float, n: int, m: int
) -> None:
    before, after = drawn(shape, n, 1), drawn(shape, m, 2, shift)
    baseline = baseline_of(before)
    edges = numeric(baseline).bin_edges
    p, q = (
        np.bincount(np.searchsorted(edges, each), minlength=len(edges) + 1)
        for each in (before, after)
    )
    found = details_of(baseline, after)
    roots = [np.sqrt(counts / counts.sum()) for counts in (p, q)]
    assert found[Method.JENSEN_SHANNON].statistic == pytest.approx(
        distance.jensenshannon(p, q, base=2), abs=1e-7
    )
    assert found[Method.HELLINGER].statistic == pytest.approx(
        distance.euclidean(*roots) / 2**0.5, abs=1e-12
    )
    smooth = [(counts + 0.5)[p + q > 0] for counts in (p, q)]
    shares = [counts / counts.sum() for counts in smooth]
    both_ways = stats.entropy(*shares) + stats.entropy(*shares[::-1])
    assert found[Method.PSI].statistic == pytest.approx(both_ways, abs=1e-12)


@pytest.mark.parametrize(("n", "m"), [(40, 30), (500, 500), (3000, 1200)])
@shifts
@shapes
def test_distances_and_psi__evidence__pearsons_p_value(
    shape: str, shift: float, n: int, m: int
) -> None:
    before, after = drawn(shape, n, 1), drawn(shape, m, 2, shift)
    baseline = baseline_of(before)
    edges = numeric(baseline).bin_edges
    counts = [
        np.bincount(np.searchsorted(edges, each), minlength=len(edges) + 1)
        for each in (before, after)
    ]
    table = np.stack(counts)[:, np.sum(counts, axis=0) > 0]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    found = details_of(baseline, after)
    for method in (Method.PSI, Method.JENSEN_SHANNON, Method.HELLINGER):
        assert found[method].p_value == pytest.approx(expected, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize(("n", "m"), [(40, 30), (500, 500), (3000, 1200)])
@shifts
@pytest.mark.parametrize("shape", ["normal", "rounded", "zeros", "cauchy", "infinite", "clusters"])
def test_anderson_darling__cells_as_values__scipys_statistic(
    shape: str, shift: float, n: int, m: int
) -> None:
    before, after = drawn(shape, n, 1), drawn(shape, m, 2, shift)
    baseline = baseline_of(before)
    codes = [
        np.searchsorted(numeric(baseline).grid.edges, each).astype(float)
        for each in (before, after)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = stats.anderson_ksamp(codes, variant="midrank").statistic
    assert details_of(baseline, after)[Method.ANDERSON_DARLING].statistic == pytest.approx(
        expected, rel=1e-8, abs=1e-8
    )


def test_null_rate__nulls_and_nan__missing_rows_of_both_windows() -> None:
    before, after = [1.0] * 900 + [None] * 100, [1.0] * 450 + [NAN] * 90
    found = details_of(Baseline.fit(pa.table({"x": before}), NUMERIC), pa.array(after))[
        Method.NULL_RATE
    ]
    expected = stats.chi2_contingency([[900, 100], [450, 90]], correction=False).pvalue
    assert found.statistic == pytest.approx(90 / 540)
    assert found.p_value == pytest.approx(expected)
    assert found.effect_size == pytest.approx(90 / 540 - 0.1)


@pytest.mark.parametrize(
    ("after", "outside"), [([-1.0, 5.0, 11.0], 2), ([0.0, 10.0], 0), ([INF, -INF, 5.0], 2)]
)
def test_range__rows_beyond_the_references__counted(after: list[float], outside: int) -> None:
    found = details_of(baseline_of(np.linspace(0, 10, 101)), after)[Method.RANGE]
    assert found.explanation["outside"] == outside
    assert found.statistic == pytest.approx(outside / len(after))
    assert found.explanation["reference_range"] == [0.0, 10.0]


def test_range__reference_with_infinite_rows__infinite_ones_are_inside() -> None:
    found = details_of(baseline_of([INF, 0.0, 1.0, 2.0]), [INF, INF, 1.0])[Method.RANGE]
    assert found.explanation["outside"] == 0


@shapes
def test_range__window_of_the_same_source__p_values_no_smaller_than_uniform(shape: str) -> None:
    p_values = []
    for seed in range(40):
        found = details_of(baseline_of(drawn(shape, 200, seed)), drawn(shape, 100, seed + 1000))
        p_values.append(number(found[Method.RANGE].p_value))
    assert np.mean(np.array(p_values) < 0.2) <= 0.2 + 3 * (0.2 * 0.8 / 40) ** 0.5


def test_new_categories__window_with_some__hypergeometric_tail() -> None:
    before = ["a"] * 500 + ["b"] * 490 + [f"once{index}" for index in range(10)]
    after = ["a"] * 480 + ["new"] * 15 + ["newer"] * 5
    outcomes = evaluate(fit(pa.table({"c": before})), pa.table({"c": after}), PLAN)
    (found,) = next(each for each in outcomes if each.method is Method.NEW_CATEGORIES).details
    assert found.p_value == pytest.approx(stats.hypergeom.sf(19, 1500, 30, 500))
    assert (found.statistic, found.effect_size) == pytest.approx((0.04, 0.03))
    assert found.explanation["new_category_examples"] == ["new", "newer"]


def categorical(before: Mapping[str, int], after: Mapping[str, int]) -> dict[Method, FeatureDetail]:
    windows = (
        pa.table({"c": [name for name, rows in each.items() for _ in range(rows)]})
        for each in (before, after)
    )
    reference, current = windows
    outcomes = evaluate(fit(reference), current, PLAN)
    return {
        Method(each.method): each.details[0]
        for each in outcomes
        if each.details and each.details[0].feature == "c"
    }


def test_categorical_methods__common_categories__scipys() -> None:
    before, after = {"a": 300, "b": 200, "c": 100}, {"a": 100, "b": 150, "c": 60, "d": 40}
    table = [[300, 200, 100, 0], [100, 150, 60, 40]]
    found, expected = categorical(before, after), stats.chi2_contingency(table, correction=False)
    assert found[Method.CHI_SQUARED].statistic == pytest.approx(expected.statistic)
    assert number(found[Method.CHI_SQUARED].p_value) / expected.pvalue == pytest.approx(1, rel=1e-6)
    assert found[Method.JENSEN_SHANNON].statistic == pytest.approx(
        distance.jensenshannon(*table, base=2)
    )
    roots = [np.sqrt(np.array(counts) / sum(counts)) for counts in table]
    assert found[Method.HELLINGER].statistic == pytest.approx(distance.euclidean(*roots) / 2**0.5)


@pytest.mark.parametrize("importance", [0.01, 1.0, 100.0])
def test_importances__any__move_the_severity_and_nothing_else(importance: float) -> None:
    before, after = drawn("normal", 2000, 1), drawn("normal", 2000, 2, 0.4)
    plain = details_of(baseline_of(before), after)
    weighed = details_of(baseline_of(before), after, replace(PLAN, importances={"x": importance}))
    assert plain.keys() == weighed.keys()
    for method, detail in weighed.items():
        assert replace(detail, importance=1.0, severity=None) == replace(
            plain[method], severity=None
        )
        if importance != 1 and detail.severity is not None:
            assert detail.severity == ("info" if importance < 1 else "critical")


def test_importances__of_two_drifted_features__worst_feature_stays() -> None:
    before = {"x": drawn("normal", 2000, 1), "y": drawn("normal", 2000, 2)}
    after = pa.table({"x": before["x"] + 1, "y": before["y"] + 0.3})
    for importances in ({}, {"y": 50.0}):
        outcome = evaluate(fit(pa.table(before)), after, replace(PLAN, importances=importances))[0]
        assert (outcome.worst_feature, outcome.severity) == ("x", "critical")


@shapes
def test_evaluate_profile__counted_in_batches__same_answer_as_the_binned_window(shape: str) -> None:
    baseline = baseline_of(drawn(shape, 3000, 1)).without_values()
    table = pa.table({"x": drawn(shape, 2000, 2, 0.2)})
    batches = table.to_batches(max_chunksize=300)
    from_batches = evaluate_profile(baseline, baseline.profile(batches), PLAN)
    for ours, theirs in zip(
        from_batches, evaluate(baseline, pa.Table.from_batches(batches), PLAN), strict=True
    ):
        assert repr(ours) == repr(theirs)


@shapes
def test_evaluate__rows_shuffled__same_answer(shape: str) -> None:
    baseline, after = baseline_of(drawn(shape, 2000, 1)), drawn(shape, 1500, 2, 0.2)
    shuffled = np.random.default_rng(3).permutation(after)
    for (method, ours), theirs in zip(
        details_of(baseline, after).items(), details_of(baseline, shuffled).values(), strict=True
    ):
        assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-9), method
        assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-9)
