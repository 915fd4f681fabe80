import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.methods import METHODS, Method, ks_method, significance_limits
from algorithms.plan import EvaluationPlan, Policy
from algorithms.verdicts import Severity, Signal, Verdict
from tests.algorithms.windows import fit, mixed_window

DEFAULT = EvaluationPlan()
DISTRIBUTIONS = EvaluationPlan(
    methods={each: METHODS[each].limits() for each in (Method.KS, Method.PSI, Method.CHI_SQUARED)}
)
CLASSIC = EvaluationPlan(policy=Policy.THRESHOLD)


def run(
    reference: Mapping[str, Any], current: Mapping[str, Any], plan: EvaluationPlan = DEFAULT
) -> list[MethodResult]:
    return evaluate(fit(pa.table(reference)), pa.table(current), plan)


def detail_of(outcomes: list[MethodResult], method: Method, feature: str = "x") -> FeatureDetail:
    outcome = next(outcome for outcome in outcomes if outcome.method is method)
    return next(detail for detail in outcome.details if detail.feature == feature)


def normal(rows: int, shift: float = 0.0, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=rows) + shift


def test_evaluate__same_window__ok_for_every_method() -> None:
    table = mixed_window(np.random.default_rng(0), 500)
    outcomes = evaluate(fit(table), table, DEFAULT)
    assert [(outcome.method, outcome.verdict) for outcome in outcomes] == [
        (each, Verdict.OK) for each in DEFAULT.methods
    ]
    assert [len(outcome.details) for outcome in outcomes] == [12, 12, 8, 20, 12, 8, 20]
    measured = [detail for outcome in outcomes[:-1] for detail in outcome.details]
    assert {detail.signal for detail in measured} == {Signal.STABLE}


@pytest.mark.parametrize("rows", [200, 2000, 20_000])
def test_evaluate__half_sigma_shift__drift(rows: int) -> None:
    assert run({"x": normal(rows)}, {"x": normal(rows, 0.5, 1)})[0].is_drifted


def test_evaluate__one_of_two_features_shifts__drift_by_ks_and_psi() -> None:
    window = {"x": normal(2000, 0.6, 2), "y": normal(2000, seed=3)}
    outcomes = run({"x": normal(2000), "y": normal(2000, seed=1)}, window, DISTRIBUTIONS)
    assert [outcome.verdict for outcome in outcomes] == [
        Verdict.DRIFT,
        Verdict.DRIFT,
        Verdict.INSUFFICIENT_DATA,
    ]
    assert [outcome.worst_feature for outcome in outcomes] == ["x", "x", None]
    assert detail_of(outcomes, Method.KS, "y").verdict is Verdict.OK


def test_evaluate__tiny_shift_in_a_large_window__evidence_without_effect_is_ok() -> None:
    outcomes = run({"x": normal(300_000)}, {"x": normal(300_000, 0.02, 1)})
    assert detail_of(outcomes, Method.KS).p_value < 0.001  # type: ignore[operator]
    assert not any(outcome.is_drifted for outcome in outcomes)


def test_evaluate__million_rows_five_thousandths_of_sigma__not_drift() -> None:
    assert not any(
        outcome.is_drifted for outcome in run({"x": normal(10**6)}, {"x": normal(10**6, 0.005, 1)})
    )


def test_evaluate__million_rows_a_tenth_of_sigma__drift() -> None:
    detail = detail_of(run({"x": normal(10**6)}, {"x": normal(10**6, 0.1, 1)}), Method.KS)
    assert (detail.verdict, detail.severity) == (Verdict.DRIFT, Severity.INFO)


def test_evaluate__large_effect_by_chance__effect_without_evidence_is_ok() -> None:
    detail = detail_of(run({"x": normal(60)}, {"x": normal(60, 0.2, 5)}), Method.KS)
    assert detail.effect_size > 0.1  # type: ignore[operator]
    assert (detail.verdict, detail.severity) == (Verdict.OK, None)


def test_evaluate__between_half_and_full_tolerance__warning() -> None:
    outcomes = run({"x": normal(20_000)}, {"x": normal(20_000, 0.065, 1)})
    detail = detail_of(outcomes, Method.KS)
    assert (detail.signal, detail.verdict) == (Signal.WARNING, Verdict.OK)


def test_evaluate__p_values__adjusted_over_all_methods_together() -> None:
    rng = np.random.default_rng(1)
    outcomes = evaluate(fit(mixed_window(rng, 800)), mixed_window(rng, 800), DEFAULT)
    details = [detail for outcome in outcomes[:-1] for detail in outcome.details]
    raw = [detail.p_value for detail in details]
    adjusted = [detail.p_adjusted for detail in details]
    assert (outcomes[-1].method, len(raw)) == (Method.SCHEMA, 72)
    assert adjusted == pytest.approx(stats.false_discovery_control(raw))


def test_evaluate__categories_shift__drift_with_the_category_named() -> None:
    outcomes = run(
        {"x": ["a"] * 500 + ["b"] * 500}, {"x": ["a"] * 300 + ["b"] * 500 + ["new"] * 200}
    )
    detail = detail_of(outcomes, Method.CHI_SQUARED)
    assert detail.verdict is Verdict.DRIFT
    assert detail.explanation["top_categories"][0].category == "new"
    assert (detail.explanation["new_categories"], detail.explanation["new_category_examples"]) == (
        1,
        ["new"],
    )


def test_evaluate__more_categories_than_kept__new_ones_unknown() -> None:
    reference = [*map(str, range(100_100)), *["7"] * 1000]
    detail = detail_of(
        run({"x": reference}, {"x": ["7"] * 100 + ["100050"] * 100}), Method.CHI_SQUARED
    )
    assert detail.explanation["new_categories"] is None
    assert detail.verdict is Verdict.DRIFT


def test_evaluate__empty_window__no_data_everywhere() -> None:
    empty = {"x": pa.array([], pa.float64()), "c": pa.array([], pa.string())}
    outcomes = run({"x": normal(100), "c": ["a"] * 100}, empty)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.NO_DATA}


@pytest.mark.parametrize(
    ("column", "verdict", "reason"),
    [
        ({"y": [1.0] * 100}, Verdict.ERROR, "no column 'x'"),
        ({"x": ["text"] * 100}, Verdict.ERROR, "holds text"),
        ({"x": [[1.0]] * 100}, Verdict.ERROR, "holds list"),
        ({"x": [None] * 100}, Verdict.INSUFFICIENT_DATA, "Every row of the current window is null"),
        (
            {"x": [float("nan")] * 100},
            Verdict.INSUFFICIENT_DATA,
            "Every row of the current window is null",
        ),
        ({"x": [1.0] * 49}, Verdict.INSUFFICIENT_DATA, "49 usable rows; at least 50"),
        ({"x": [1.0] * 49 + [None] * 51}, Verdict.INSUFFICIENT_DATA, "49 usable rows; at least 50"),
    ],
)
def test_evaluate__bad_column__its_verdict_and_a_reason(
    column: dict[str, Any], verdict: Verdict, reason: str
) -> None:
    detail = detail_of(run({"x": normal(100)}, column), Method.KS)
    assert detail.verdict is verdict
    assert reason in detail.reason
    assert detail.signal is None


def test_evaluate__one_bad_column__others_still_measured() -> None:
    outcomes = run(
        {"x": normal(100), "y": normal(100)}, {"x": ["text"] * 100, "y": normal(100, 2.0)}
    )
    assert detail_of(outcomes, Method.KS, "y").verdict is Verdict.DRIFT
    assert outcomes[0].verdict is Verdict.DRIFT
    assert run({"x": normal(100), "y": normal(100)}, {"y": normal(100)})[0].verdict is Verdict.ERROR


def test_evaluate__unexpected_exception__error_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr(ks_method, "ks_from_cells", broken)
    outcomes = run({"x": normal(100)}, {"x": normal(100)})
    assert detail_of(outcomes, Method.KS).reason == "ZeroDivisionError: no luck"
    assert [outcome.verdict for outcome in outcomes][:2] == [Verdict.ERROR, Verdict.OK]


def test_evaluate__duplicate_column__error_not_exception() -> None:
    window = pa.Table.from_arrays([pa.array(normal(100)), pa.array(normal(100))], names=["x", "x"])
    assert (
        detail_of(evaluate(fit(pa.table({"x": normal(100)})), window, DEFAULT), Method.KS).verdict
        is Verdict.ERROR
    )


def test_evaluate__all_null_reference__insufficient_data() -> None:
    baseline = Baseline.fit(
        pa.table({"x": pa.array([None] * 80, pa.float64())}), {"x": FeatureKind.NUMERIC}, 100
    )
    outcome = evaluate(baseline, pa.table({"x": normal(80)}), DEFAULT)[0]
    assert outcome.verdict is Verdict.INSUFFICIENT_DATA
    assert "reference" in outcome.details[0].reason


def test_evaluate__only_rare_categories__insufficient_data() -> None:
    outcome = run(
        {"x": [f"r{row}" for row in range(200)]}, {"x": [f"c{row}" for row in range(200)]}
    )[2]
    assert outcome.verdict is Verdict.INSUFFICIENT_DATA
    assert outcome.details[0].reason.startswith("Every category")


def test_evaluate__one_rare_category_takes_over__drift() -> None:
    reference = [f"zip{row % 20_000}" for row in range(100_000)]
    detail = detail_of(run({"x": reference}, {"x": ["zip7"] * 500}), Method.CHI_SQUARED)
    assert (detail.verdict, detail.severity) == (Verdict.DRIFT, Severity.CRITICAL)
    assert detail.explanation["top_categories"][0].category == "zip7"


def test_evaluate__null_rates__in_the_details_of_both_windows() -> None:
    detail = detail_of(run({"x": [1.0, None] * 100}, {"x": [1.0, 2.0, 3.0, None] * 50}), Method.KS)
    assert (detail.null_rate_reference, detail.null_rate_current) == (0.5, 0.25)
    assert (detail.n_reference, detail.n_current) == (100, 150)


def test_evaluate__dates__compared_as_seconds() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=day) for day in range(300)]
    outcomes = run({"x": days[:200]}, {"x": days[100:]})
    assert detail_of(outcomes, Method.KS).statistic == pytest.approx(0.5)


def test_evaluate__threshold_policy__raw_p_value_and_statistic_decide() -> None:
    outcomes = run({"x": normal(300_000)}, {"x": normal(300_000, 0.02, 1)}, CLASSIC)
    assert [outcome.verdict for outcome in outcomes[:2]] == [Verdict.DRIFT, Verdict.OK]
    assert "p-value" in outcomes[0].details[0].reason
    small = run({"x": normal(50)}, {"x": normal(50, seed=3)}, CLASSIC)
    statistic, found = detail_of(small, Method.PSI).statistic, detail_of(small, Method.PSI).verdict
    assert (found is Verdict.DRIFT) == (statistic is not None and statistic >= 0.2)


def test_evaluate__override__applies_to_its_feature_only() -> None:
    strict = {
        (Method.KS, "x"): significance_limits(tolerance=0.01),
        (Method.PSI, "x"): METHODS[Method.PSI].limits(threshold=0.005),
    }
    reference = {name: normal(20_000) for name in "xy"}
    outcomes = run(
        reference,
        {name: normal(20_000, 0.08, 1) for name in "xy"},
        EvaluationPlan(overrides=strict),
    )
    assert {(detail.feature, detail.verdict.value) for detail in outcomes[0].details} == {
        ("x", "drift"),
        ("y", "ok"),
    }
    assert outcomes[1].worst_feature == "x"


def test_evaluate__growing_shift__severity_never_falls() -> None:
    shifts = [0.3, 0.45, 0.6, 0.8, 1.2]
    outcomes = [run({"x": normal(5000)}, {"x": normal(5000, shift, 1)})[0] for shift in shifts]
    ranks = [list(Severity).index(outcome.severity) for outcome in outcomes if outcome.severity]
    assert ranks == sorted(ranks)
    assert (ranks[0], ranks[-1], len(ranks)) == (0, 2, 5)


def test_as_json__infinite_and_huge_values__strict_json() -> None:
    values = [float("inf"), float("-inf"), 1e308, -1e308] * 30
    outcomes = run({"x": values, "c": ["a"] * 120}, {"x": [float("-inf")] * 120, "c": ["b"] * 120})
    text = json.dumps([outcome.as_json() for outcome in outcomes], allow_nan=False)
    assert json.loads(text)[0]["details"][0]["explanation"]["location"] == "-inf"
    assert json.loads(text)[2]["details"][0]["explanation"]["top_categories"][0]["category"] in {
        "a",
        "b",
    }
