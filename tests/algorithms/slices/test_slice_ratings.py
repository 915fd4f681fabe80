"""Verdicts of slices, all measured at once; every feature of every slice measured by itself is the oracle."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate_profile
from algorithms.methods import METHODS, Measurement, Method
from algorithms.plan import EvaluationPlan
from algorithms.profiles import Profile, Unprofiled
from algorithms.verdicts import Verdict

KINDS = {
    "part": FeatureKind.CATEGORICAL,
    "wide": FeatureKind.CATEGORICAL,
    "x": FeatureKind.NUMERIC,
    "y": FeatureKind.NUMERIC,
}
WHERES = {f"s{each}": f"part = 'p{each}'" for each in range(6)} | {"low": "x < 0 and y > 2"}
SLICED = (Method.KS, Method.CHI_SQUARED, Method.NULL_RATE)
PLAN = EvaluationPlan(methods={each: METHODS[each].limits() for each in SLICED})

type Found = dict[tuple[Method, str, str], Measurement]


def window(seed: int, rows: int, shift: float, *, is_odd: bool = False) -> pa.Table:
    """Rows whose x moves in p0, whose y loses values in p1, and whose categories are many and uneven."""
    random = np.random.default_rng(seed)
    part = random.integers(0, 6, rows)
    wide = np.array([f"w{each}" for each in random.zipf(1.4, rows) % 90])
    wide = np.where(random.random(rows) < 0.02 * is_odd, "odd", wide)
    lost = random.random(rows) < 0.1 + 0.3 * shift * (part == 1)
    return pa.table(
        {
            "part": [f"p{each}" for each in part],
            "wide": wide,
            "x": random.normal(size=rows) + shift * (part == 0),
            "y": pa.array(np.round(random.exponential(3, rows)), mask=lost),
        }
    )


def measured_alone(baseline: Baseline, slices: Mapping[str, Profile]) -> Found:
    """Each method's numbers of each feature of each slice with enough rows."""
    found: Found = {}
    for name, each in baseline.slices.items():
        for feature, reference in each.features.items():
            profile = slices[name].features[feature]
            assert not isinstance(profile, Unprofiled)
            for method in SLICED:
                rows = reference.usable_rows, profile.rows
                if METHODS[method].counts_missing:
                    rows = rows[0] + reference.missing, rows[1] + profile.missing
                if reference.kind in METHODS[method].kinds and min(rows) >= PLAN.min_rows:
                    found[method, name, feature] = METHODS[method].measure(reference, profile)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_evaluate_profile__slices__have_the_numbers_of_each_by_itself(seed: int) -> None:
    reference = window(seed, 3000, 0.0)
    baseline = Baseline.fit(reference, KINDS).without_values().with_slices(WHERES, reference)
    current = window(seed + 100, 2500, 0.6 * (seed % 2), is_odd=seed % 3 == 0)
    profile = baseline.profile(current.to_batches())
    results = evaluate_profile(baseline, profile, PLAN)
    alone = measured_alone(baseline, profile.slices)
    shown = [each for result in results for each in result.details]
    p_values = [each.p_value for each in shown] + [each.p_value for each in alone.values()]
    adjusted = stats.false_discovery_control(p_values)[len(shown) :]
    expected = dict(zip(alone, adjusted, strict=True))
    for result in results:
        for each in result.slices:
            key = Method(result.method), each.slice, each.feature
            own = alone[key]
            assert (each.statistic, each.p_value) == (own.statistic, own.p_value)
            assert (each.effect_size, each.p_adjusted) == (own.effect_size, expected[key])
            assert each.explanation == own.explanation
    drifted = {each.slice for each in results[0].slices if each.verdict is Verdict.DRIFT}
    assert ("s0" in drifted) == bool(seed % 2)


@pytest.mark.parametrize("seed", range(6))
def test_evaluate_profile__no_drift__keeps_the_feature_nearest_to_it(seed: int) -> None:
    reference = window(seed, 3000, 0.0)
    baseline = Baseline.fit(reference, KINDS).without_values().with_slices(WHERES, reference)
    profile = baseline.profile(window(seed + 50, 2500, 0.0).to_batches())
    result = evaluate_profile(baseline, profile, PLAN)[0]
    alone = measured_alone(baseline, profile.slices)
    for name in WHERES:
        kept = [each for each in result.slices if each.slice == name]
        effects = [alone[Method.KS, name, each].effect_size for each in ("x", "y")]
        assert [each.effect_size for each in kept] == [max(effects)]
