import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from algorithms import calibration
from algorithms.baseline import Baseline, FeatureKind
from algorithms.calibration import (
    Calibration,
    calibrate,
    nulls_from_json,
    usual_effect,
    usual_effects_from_json,
)
from algorithms.evaluation import evaluate_profile
from algorithms.methods import DEFAULT_LIMITS, Method, significance_limits
from algorithms.null_models import NullModel
from algorithms.plan import EvaluationPlan, Policy
from algorithms.profiles import Profile
from algorithms.references import CategoricalReference, NumericReference

KINDS = {"x": FeatureKind.NUMERIC, "y": FeatureKind.NUMERIC, "c": FeatureKind.CATEGORICAL}
PLAN = EvaluationPlan()
# Above what chance alone does to a block, so each alarm is one that the test has made.
COARSE = EvaluationPlan(methods={**PLAN.methods, Method.KS: significance_limits(tolerance=0.1)})
BLOCKS, ROWS = 24, 500


def reference_blocks(seed: int = 0) -> list[pa.RecordBatch]:
    rng, rows = np.random.default_rng(seed), BLOCKS * ROWS
    holes = rng.random(rows) < 0.05
    x = np.where(rng.random(rows) < 0.01, np.inf, rng.normal(size=rows))
    y = np.where(rng.random(rows) < 0.02, np.nan, rng.exponential(size=rows))
    table = pa.table({"x": pa.array(x, mask=holes), "y": y, "c": rng.choice(list("abcd"), rows)})
    return [
        table.slice(start, ROWS).combine_chunks().to_batches()[0] for start in range(0, rows, ROWS)
    ]


def shifted(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    moved = pa.array(batch.column(name).to_numpy(zero_copy_only=False) + 2)
    return batch.set_column(batch.schema.get_field_index(name), name, moved)


def profiled(
    batches: list[pa.RecordBatch], max_rows: int = 10**6
) -> tuple[Baseline, list[Profile]]:
    baseline = Baseline.fit(iter(batches), KINDS, max_rows)
    return baseline, [baseline.profile([batch]) for batch in batches]


def rest_of(batches: list[pa.RecordBatch], held_out: int, name: str) -> pa.ChunkedArray:
    return pa.Table.from_batches(
        [each for place, each in enumerate(batches) if place != held_out]
    ).column(name)


@pytest.mark.parametrize("held_out", [0, 5, 23])
@pytest.mark.parametrize("name", ["x", "y"])
def test_without__numeric_block_held_out__counts_of_the_rest(held_out: int, name: str) -> None:
    batches = reference_blocks()
    baseline, blocks = profiled(batches)
    rest = calibration._without(baseline, blocks[held_out])
    column, feature = rest_of(batches, held_out, name), rest.features[name]
    assert isinstance(feature, NumericReference)
    values = column.drop_null().to_numpy()
    numbers = values[~np.isnan(values)]
    expected = np.bincount(
        np.searchsorted(feature.grid.edges, numbers), minlength=feature.grid.cells
    )
    np.testing.assert_array_equal(feature.counts, expected)
    figures = (rest.rows, feature.n, feature.nulls, feature.nans, feature.infinite)
    nans, infinite = np.isnan(values).sum(), np.isinf(values).sum()
    assert figures == ((BLOCKS - 1) * ROWS, len(numbers), column.null_count, nans, infinite)


@pytest.mark.parametrize("held_out", [0, 5, 23])
def test_without__categorical_block_held_out__counts_of_the_rest(held_out: int) -> None:
    batches = reference_blocks()
    baseline, blocks = profiled(batches)
    feature = calibration._without(baseline, blocks[held_out]).features["c"]
    assert isinstance(feature, CategoricalReference)
    counts = dict(zip(feature.categories.to_pylist(), feature.counts.tolist(), strict=True))
    assert counts == Counter(rest_of(batches, held_out, "c").to_pylist())
    assert (feature.n, feature.other) == ((BLOCKS - 1) * ROWS, 0)


def test_without__baseline__is_left_as_it_was() -> None:
    baseline, blocks = profiled(reference_blocks())
    before = baseline.content_hash
    calibrate(baseline, blocks, PLAN)
    assert Baseline.from_bytes(baseline.to_bytes()).content_hash == before


@given(st.integers(1, 80), st.integers(0, 80))
def test_alarm_rate__any_counts__jeffreys_interval(checks: int, alarms: int) -> None:
    alarms = min(alarms, checks)
    found = Calibration(rows=(100,) * checks, alarms=alarms).alarm_rate()
    low, high = stats.beta.ppf([0.05, 0.95], alarms + 0.5, checks - alarms + 0.5)
    expected = (alarms / checks, low if alarms else 0, high if alarms < checks else 1)
    assert found == pytest.approx(expected, rel=1e-9)


def test_alarm_rate__no_check__none() -> None:
    empty = Calibration(rows=(), alarms=0)
    assert empty.alarm_rate() is None
    assert empty.as_json() == {
        "checks": 0, "rows": [], "alarms": 0, "alarm_rate": None, "drifted": {}, "effects": {},
        "usual_effects": {}, "nulls": {},
    }  # fmt: skip


def test_calibrate__blocks_of_one_distribution__few_alarms() -> None:
    found = [calibrate(*profiled(reference_blocks(seed)), PLAN) for seed in range(8)]
    checks, alarms = sum(each.checks for each in found), sum(each.alarms for each in found)
    assert checks == 8 * BLOCKS
    assert alarms <= 0.05 * checks + 3 * (0.05 * 0.95 * checks) ** 0.5


@pytest.mark.parametrize("max_rows", [10**6, 2000])
@pytest.mark.parametrize("name", ["x", "y"])
def test_calibrate__one_block_shifted__one_alarm_that_names_it(name: str, max_rows: int) -> None:
    batches = reference_blocks()
    batches[7] = shifted(batches[7], name)
    found = calibrate(*profiled(batches, max_rows), COARSE)
    assert (found.rows, found.alarms, found.drifted) == ((ROWS,) * BLOCKS, 1, {name: 1})
    effects = found.effects[Method.KS, name]
    assert (len(effects), effects[-1] > 0.5, effects[-2] < 0.2) == (BLOCKS, True, True)


def test_calibrate__one_block_of_other_shares__one_alarm_that_names_it() -> None:
    batches = reference_blocks()
    place = batches[3].schema.get_field_index("c")
    batches[3] = batches[3].set_column(
        place, "c", pa.array(["a", "a", "a", "b", "c"] * (ROWS // 5))
    )
    found = calibrate(*profiled(batches), COARSE)
    assert (found.alarms, found.drifted) == (1, {"c": 1})


def test_calibrate__effects__those_of_the_values_themselves() -> None:
    batches = reference_blocks()
    found = calibrate(*profiled(batches), PLAN).effects[Method.KS, "y"]
    expected = []
    for held_out, batch in enumerate(batches):
        rest = rest_of(batches, held_out, "y").to_numpy()
        block = batch.column("y").to_numpy()
        expected.append(stats.ks_2samp(rest[~np.isnan(rest)], block[~np.isnan(block)]).statistic)
    assert found == pytest.approx(sorted(expected), abs=0.005)


def test_calibrate__blocks_too_small_to_be_judged__left_out() -> None:
    batches = reference_blocks()
    baseline, blocks = profiled(batches)
    small = [baseline.profile([batches[0].slice(0, 49)]), baseline.profile([])]
    assert calibrate(baseline, [*small, blocks[1]], PLAN).rows == (ROWS,)
    assert calibrate(baseline, small, PLAN).checks == 0


def test_calibrate__every_method_and_sampled_reference__each_block_judged() -> None:
    plan = EvaluationPlan(methods=DEFAULT_LIMITS)
    for max_rows in (10**6, 1000):
        found = calibrate(*profiled(reference_blocks(), max_rows), plan)
        assert found.checks == BLOCKS
        assert {len(effects) for effects in found.effects.values()} == {BLOCKS}


def test_as_json__effects__quantiles_over_the_blocks() -> None:
    effects = {(Method.KS, "x y"): (0.01, 0.02, 0.03, 0.5)}
    found = Calibration(rows=(9, 9, 9, 9), alarms=1, drifted={"x y": 1}, effects=effects).as_json()
    assert found["effects"] == {"ks x y": {"0.5": 0.025, "0.9": pytest.approx(0.359), "1": 0.5}}
    assert found["alarm_rate"]["estimate"] == 0.25


def test_as_json__null_models__are_read_back() -> None:
    nulls = {(Method.KS, "a name"): NullModel(9, 0.25, 0.125)}
    card = json.loads(json.dumps(Calibration(rows=(9,), alarms=0, nulls=nulls).as_json()))
    assert nulls_from_json(card) == nulls


def test_calibrate__null_models__hold_every_judged_block() -> None:
    found = calibrated(reference_blocks())[1]
    effects = np.cbrt(found.effects[Method.KS, "y"])
    model = found.nulls[Method.KS, "y"]
    assert model.windows == BLOCKS
    assert model.mean == pytest.approx(effects.mean())
    assert model.deviation == pytest.approx(effects.std(ddof=1))


def test_as_json__usual_effects__are_read_back() -> None:
    usual = {(Method.KS, "x y"): 0.1, (Method.CHI_SQUARED, ""): 0.2}
    card = json.loads(json.dumps(Calibration(rows=(9,), alarms=0, usual_effects=usual).as_json()))
    assert usual_effects_from_json(card) == usual


@pytest.mark.parametrize("windows", [6, 12, 60])
@pytest.mark.parametrize("power", [1, 2], ids=["distance", "squared"])
@pytest.mark.parametrize("dimensions", [1, 9])
def test_usual_effect__one_more_window_of_the_kind__passes_it_about_as_rarely_as_is_said(
    windows: int, power: int, dimensions: int
) -> None:
    random = np.random.default_rng(windows)
    draws = (random.normal(size=(5000, windows + 1, dimensions)) ** 2).sum(axis=2) ** (power / 2)
    limits = [usual_effect(each, 0.05) for each in draws[:, :-1]]
    assert 0.02 < np.mean(draws[:, -1] > np.array(limits, dtype=float)) < 0.07


def test_usual_effect__few_windows__unknown() -> None:
    assert usual_effect([0.1] * 5, 0.05) is None


def restless_blocks(seed: int, spread: float) -> list[pa.RecordBatch]:
    """Blocks whose `y` is a little higher or lower each time, as weeks of real data are."""
    rng = np.random.default_rng(seed)
    tables = [{"y": rng.normal(rng.normal(0, spread), 1, ROWS)} for _ in range(BLOCKS)]
    return [pa.RecordBatch.from_pydict(each) for each in tables]


def calibrated(
    batches: list[pa.RecordBatch], plan: EvaluationPlan = PLAN
) -> tuple[Baseline, Calibration]:
    baseline = Baseline.fit(iter(batches), {"y": FeatureKind.NUMERIC})
    return baseline, calibrate(baseline, [baseline.profile([batch]) for batch in batches], plan)


def drifts(baseline: Baseline, plan: EvaluationPlan, batch: pa.RecordBatch) -> bool:
    return any(
        outcome.is_drifted
        for outcome in evaluate_profile(baseline, baseline.profile([batch]), plan)
    )


def test_calibrate__restless_reference__next_windows_of_its_kind_are_no_drift_and_others_are() -> (
    None
):
    usual = raw = 0
    for seed in range(10):
        baseline, found = calibrated(restless_blocks(seed, 0.15))
        plan = EvaluationPlan(usual_effects=found.usual_effects)
        news = restless_blocks(seed + 100, 0.15)
        usual += sum(drifts(baseline, plan, batch) for batch in news)
        raw += sum(drifts(baseline, PLAN, batch) for batch in news)
        assert drifts(
            baseline,
            plan,
            pa.RecordBatch.from_pydict({"y": np.random.default_rng(seed).normal(1, 1, ROWS)}),
        )
    checks = 10 * BLOCKS
    assert raw > 0.2 * checks
    assert usual <= 0.05 * checks + 3 * (0.05 * 0.95 * checks) ** 0.5


def test_calibrate__restless_reference__false_alarms_are_those_of_unseen_windows() -> None:
    found = [calibrated(restless_blocks(seed, 0.15))[1] for seed in range(10)]
    checks, alarms = sum(each.checks for each in found), sum(each.alarms for each in found)
    assert alarms <= 0.05 * checks + 3 * (0.05 * 0.95 * checks) ** 0.5


def test_calibrate__one_odd_block__does_not_count_as_usual() -> None:
    batches = restless_blocks(0, 0.0)
    quiet = calibrated(batches)[1].usual_effects[Method.KS, "y"]
    batches[4] = pa.RecordBatch.from_pydict({"y": np.asarray(batches[4].column("y")) + 3})
    found = calibrated(batches, COARSE)[1]
    assert (found.alarms, found.drifted) == (1, {"y": 1})
    assert found.usual_effects[Method.KS, "y"] < 1.5 * quiet


def test_calibrate__threshold_policy__nothing_is_raised() -> None:
    batches = restless_blocks(0, 0.15)
    classic = EvaluationPlan(policy=Policy.THRESHOLD)
    raised = replace(classic, usual_effects=calibrated(batches)[1].usual_effects)
    assert raised.limits(Method.KS, "y") == classic.limits(Method.KS, "y")
    assert calibrated(batches, classic)[1].alarms > 5


def test_limits__raised__fixed_ones_and_larger_ones_stay() -> None:
    usual = {(Method.KS, "x"): 0.2, (Method.PSI, "x"): 0.1}
    plan = EvaluationPlan(usual_effects=usual)
    raised = plan.limits(Method.KS, "x")
    assert (raised.tolerance, raised.scale) == (0.2, 0.2)
    assert raised.warning == pytest.approx(0.1)
    assert plan.limits(Method.PSI, "x") == plan.methods[Method.PSI]
    fixed = {(Method.KS, "x"): replace(significance_limits(tolerance=0.01), is_fixed=True)}
    assert (
        EvaluationPlan(usual_effects=usual, overrides=fixed).limits(Method.KS, "x").tolerance
        == 0.01
    )
