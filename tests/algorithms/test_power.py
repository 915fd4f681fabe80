from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from algorithms.arrays import FloatArray
from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate
from algorithms.methods import Method, significance_limits
from algorithms.plan import EvaluationPlan
from algorithms.power import Sight, SmallestChange, smallest_changes

RUNS = 60
PLAN = EvaluationPlan(
    methods={Method.KS: significance_limits(), Method.CHI_SQUARED: significance_limits()}
)
STRICT = EvaluationPlan(
    methods={
        method: significance_limits(tolerance=0.001) for method in (Method.KS, Method.CHI_SQUARED)
    }
)
SHAPES = {
    "normal": lambda rng, rows: rng.normal(size=rows),
    "exponential": lambda rng, rows: rng.exponential(size=rows),
    "counts": lambda rng, rows: rng.poisson(20, rows).astype(float),
}


def drawn(shape: str, rows: int, seed: int) -> FloatArray:
    values: FloatArray = SHAPES[shape](np.random.default_rng(seed), rows)
    return values


def baseline_of(values: Any) -> Baseline:
    kind = FeatureKind.CATEGORICAL if isinstance(values, list) else FeatureKind.NUMERIC
    return Baseline.fit(pa.table({"x": values}), {"x": kind})


def smallest_shift(baseline: Baseline, plan: EvaluationPlan, rows: int) -> float:
    shift = smallest_changes(baseline, plan, rows)["x"].shift
    assert shift is not None
    return shift


def share_seen(
    shape: str, reference_rows: int, rows: int, plan: EvaluationPlan, part: float
) -> float:
    """The share of moved windows that a check sees, by a part of the smallest shift; each run has new windows."""
    seen = 0
    for seed in range(RUNS):
        reference = drawn(shape, reference_rows, seed)
        baseline = baseline_of(reference)
        moved = (
            drawn(shape, rows, seed + 10_000)
            + part * smallest_shift(baseline, plan, rows) * reference.std()
        )
        seen += evaluate(baseline, pa.table({"x": moved}), plan)[0].is_drifted
    return seen / RUNS


@pytest.mark.parametrize("plan", [PLAN, STRICT], ids=["tolerance", "evidence"])
@pytest.mark.parametrize(("reference_rows", "rows"), [(5000, 500), (2000, 2000)])
@pytest.mark.parametrize("shape", ["normal", "exponential"])
def test_smallest_changes__values_moved_by_it__seen_and_by_a_third_of_it_not(
    shape: str, reference_rows: int, rows: int, plan: EvaluationPlan
) -> None:
    assert share_seen(shape, reference_rows, rows, plan, 1.0) >= 0.8
    assert share_seen(shape, reference_rows, rows, plan, 1 / 3) < 0.5


def moved_window(share: float, rows: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    names = np.where(rng.random(rows) < share, "new", "a")
    return [
        str(name) for name in np.where(rng.random(rows) < 0.5, names, rng.choice(list("bcd"), rows))
    ]


@pytest.mark.parametrize(("part", "least", "most"), [(1.0, 0.8, 1.0), (1 / 3, 0.0, 0.5)])
def test_smallest_changes__share_of_rows_turned_new__seen_and_a_third_of_it_not(
    part: float, least: float, most: float
) -> None:
    baseline = baseline_of(moved_window(0.0, 5000, 0))
    share = smallest_changes(baseline, PLAN, 1000)["x"].share
    assert share is not None
    windows = [moved_window(2 * share * part, 1000, seed) for seed in range(1, RUNS)]
    seen = np.mean(
        [evaluate(baseline, pa.table({"x": each}), PLAN)[1].is_drifted for each in windows]
    )
    assert least <= seen <= most


@pytest.mark.parametrize("shape", [*SHAPES])
def test_smallest_changes__more_rows__a_smaller_shift(shape: str) -> None:
    baseline = baseline_of(drawn(shape, 20_000, 0))
    shifts = [smallest_shift(baseline, STRICT, rows) for rows in (100, 400, 1600, 6400)]
    assert (np.diff(shifts) <= 0).all()
    assert shifts[-1] < shifts[0]


def test_smallest_changes__normal_feature_and_many_rows__the_shift_whose_distance_is_the_tolerance() -> (
    None
):
    shift = smallest_shift(baseline_of(drawn("normal", 200_000, 0)), PLAN, 10**9)
    assert shift == pytest.approx(0.2513, rel=0.05)  # 2 Φ(δ/2) − 1 = 0.1


def test_smallest_changes__more_features__a_larger_shift() -> None:
    values = drawn("normal", 5000, 0)
    many = Baseline.fit(
        pa.table({f"x{i}": values for i in range(50)}),
        {f"x{i}": FeatureKind.NUMERIC for i in range(50)},
    )
    shifts = {change.shift for change in smallest_changes(many, STRICT, 500).values()}
    assert len(shifts) == 1
    assert shifts.pop() > smallest_shift(baseline_of(values), STRICT, 500)  # type: ignore[operator]


@pytest.mark.parametrize("values", [[1.0] * 100, [None] * 100])
def test_smallest_changes__feature_without_spread_or_rows__none(values: list[float | None]) -> None:
    baseline = baseline_of(pa.array(values, pa.float64()))
    assert smallest_changes(baseline, PLAN, 500) == {"x": SmallestChange()}


def test_smallest_changes__window_without_rows__none() -> None:
    assert smallest_changes(baseline_of(drawn("normal", 1000, 0)), PLAN, 0) == {
        "x": SmallestChange()
    }
    assert smallest_changes(baseline_of(["a"] * 60 + ["b"] * 40), PLAN, 0) == {
        "x": SmallestChange()
    }


def test_smallest_changes__method_not_asked_for__feature_left_out() -> None:
    plan = EvaluationPlan(methods={Method.CHI_SQUARED: significance_limits()})
    assert smallest_changes(baseline_of(drawn("normal", 1000, 0)), plan, 100) == {}


@pytest.mark.parametrize(
    ("n", "m", "gap"), [(2_000, 300, 0.12), (5_000, 500, 0.08), (900, 900, 0.1)]
)
def test_sight__one_wide_gap__power_is_how_often_scipy_finds_it(n: int, m: int, gap: float) -> None:
    """The gap is widest at 0.5; scipy finds it beside that, too, so the power is a lower bound."""
    rng = np.random.default_rng(n)
    sight = Sight(method=Method.KS, n=n, m=m, level=0.01)
    found = np.mean(
        [
            stats.ks_2samp(rng.uniform(size=n), leaning(rng, m, gap)).pvalue <= sight.level
            for _ in range(400)
        ]
    )
    assert 0.05 < found < 0.98
    assert found - 0.25 < sight.power(gap) < found + 0.07


def leaning(rng: np.random.Generator, rows: int, gap: float) -> FloatArray:
    """Numbers from 0 to 1, uniform but for a share `gap` that moved from the upper half to the lower one."""
    is_low = rng.uniform(size=rows) < 0.5 + gap
    return rng.uniform(size=rows) / 2 + np.where(is_low, 0, 0.5)


@pytest.mark.parametrize(("n", "m"), [(4_000, 400), (1_000, 1_000)])
def test_sight__moved_categories__power_is_how_often_scipy_finds_it(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    before, after = np.array([0.4, 0.3, 0.3]), np.array([0.46, 0.3, 0.24])
    effect = float((((before - after) ** 2 / (before + after)).sum() / 2) ** 0.5)
    sight = Sight(method=Method.CHI_SQUARED, n=n, m=m, level=0.01, degrees=2)
    tables = ([rng.multinomial(n, before), rng.multinomial(m, after)] for _ in range(1_000))
    found = np.mean([stats.chi2_contingency(table).pvalue <= sight.level for table in tables])
    assert 0.05 < found < 0.98
    assert sight.power(effect) == pytest.approx(found, abs=0.08)
