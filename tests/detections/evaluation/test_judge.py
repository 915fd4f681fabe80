"""The verdict of a window: what was not judged is never ok, and the reason says what and why."""

import numpy as np
import pyarrow as pa
import pytest

from algorithms.baseline import Baseline, FeatureKind
from algorithms.methods import DEFAULT_LIMITS, METHODS, Method
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import Verdict
from detections.evaluation.judge import judge_window

ROWS = 500
X = np.random.default_rng(0).normal(size=ROWS)
EMPTY = pa.nulls(ROWS, pa.float64())
PLAN = EvaluationPlan(methods={method: DEFAULT_LIMITS[method] for method in METHODS})
DISTRIBUTIONS = EvaluationPlan(
    methods={each: DEFAULT_LIMITS[each] for each in (Method.KS, Method.PSI, Method.CHI_SQUARED)}
)


def baseline_of(**columns: object) -> Baseline:
    kinds = {
        name: FeatureKind.CATEGORICAL if name == "c" else FeatureKind.NUMERIC for name in columns
    }
    return Baseline.fit(pa.table(columns), kinds)


@pytest.mark.parametrize("policy_plan", [PLAN, EvaluationPlan()])
def test_judge_window__column_all_null_in_the_window_only__is_not_ok(
    policy_plan: EvaluationPlan,
) -> None:
    baseline = baseline_of(x=X, y=X)
    result = judge_window(baseline, pa.table({"x": X, "y": EMPTY}), policy_plan)
    assert result.verdict in (Verdict.DRIFT, Verdict.INSUFFICIENT_DATA)
    assert result.reason.startswith("y was not judged: Every row of the current window is null")


def test_judge_window__column_that_the_reference_cannot_judge__does_not_count() -> None:
    baseline = baseline_of(x=X, y=EMPTY)
    for y in (EMPTY, X):
        result = judge_window(baseline, pa.table({"x": X, "y": y}), DISTRIBUTIONS)
        assert (result.verdict, result.reason) == (Verdict.OK, "")
        details = {d.feature: d for method in result.methods for d in method.details}
        assert details["y"].verdict is Verdict.INSUFFICIENT_DATA
        assert not details["y"].is_judgeable


def test_judge_window__no_feature_can_be_judged__says_so_as_its_verdict() -> None:
    result = judge_window(baseline_of(y=EMPTY), pa.table({"y": X}), DISTRIBUTIONS)
    assert result.verdict is Verdict.INSUFFICIENT_DATA
    assert "y was not judged: Every row of the reference window is null" in result.reason


def test_judge_window__column_that_was_all_null_has_values__drift_of_its_null_rate() -> None:
    result = judge_window(baseline_of(y=EMPTY), pa.table({"y": X}), EvaluationPlan())
    assert result.verdict is Verdict.DRIFT
    assert [method.method for method in result.methods if method.is_drifted] == [Method.NULL_RATE]


@pytest.mark.parametrize(
    ("plan", "verdict"), [(DISTRIBUTIONS, Verdict.ERROR), (EvaluationPlan(), Verdict.DRIFT)]
)
def test_judge_window__lost_column_beside_a_good_one__named_whether_schema_looks_or_not(
    plan: EvaluationPlan, verdict: Verdict
) -> None:
    result = judge_window(baseline_of(x=X, y=X), pa.table({"x": X}), plan)
    assert result.verdict is verdict
    assert result.reason == "y was not judged: The window has no column 'y'."


def test_judge_window__reference_of_too_few_rows__columns_alone_make_no_ok() -> None:
    result = judge_window(baseline_of(x=X[:20]), pa.table({"x": X}), EvaluationPlan())
    assert result.verdict is Verdict.INSUFFICIENT_DATA


def test_judge_window__columns_alone_are_asked_for__ok() -> None:
    plan = EvaluationPlan(methods={Method.SCHEMA: DEFAULT_LIMITS[Method.SCHEMA]})
    assert judge_window(baseline_of(x=X), pa.table({"x": X}), plan).verdict is Verdict.OK


def test_judge_window__several_columns_not_judged__are_counted() -> None:
    baseline = baseline_of(x=X, y=X, z=X)
    result = judge_window(baseline, pa.table({"x": X, "y": EMPTY, "z": EMPTY}), EvaluationPlan())
    assert result.reason.startswith("2 features were not judged, such as y: ")


def test_judge_window__method_without_history__does_not_count() -> None:
    plan = EvaluationPlan(
        methods={each: DEFAULT_LIMITS[each] for each in (Method.KS, Method.ROW_COUNT)}
    )
    result = judge_window(baseline_of(x=X), pa.table({"x": X}), plan)
    assert (result.verdict, result.reason) == (Verdict.OK, "")


def test_judge_window__categories_of_one_row_each__do_not_count() -> None:
    names = np.array([f"id {number}" for number in range(ROWS)])
    result = judge_window(
        baseline_of(x=X, c=names), pa.table({"x": X, "c": names}), EvaluationPlan()
    )
    assert result.verdict is Verdict.OK


def test_judge_window__window_of_too_few_rows__is_insufficient_by_its_own_fault() -> None:
    result = judge_window(baseline_of(x=X), pa.table({"x": X[:20]}), EvaluationPlan())
    assert result.verdict is Verdict.INSUFFICIENT_DATA
    assert "The current window holds 20 usable rows" in result.reason
