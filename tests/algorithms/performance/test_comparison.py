from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from algorithms.method_results import json_safe
from algorithms.performance import (
    Metric,
    MetricEstimate,
    PerformanceLimit,
    judge_performance,
    measure_performance,
)
from algorithms.verdicts import Signal, Verdict

FOUND = MetricEstimate(value=0.7, lower=0.66, upper=0.74, standard_error=0.02, n=500)
BASELINE = MetricEstimate(value=0.8, lower=0.77, upper=0.83, standard_error=0.015, n=900)
OK, DRIFT = Verdict.OK, Verdict.DRIFT


def accuracy(right: int, n: int) -> MetricEstimate:
    label, prediction = np.ones(n), np.repeat([1, 0], [right, n - right])
    return measure_performance([Metric.ACCURACY], prediction=prediction, label=label)[
        Metric.ACCURACY
    ]


@pytest.mark.parametrize(
    ("limit", "verdict", "signal", "excess"),
    [
        (PerformanceLimit(minimum=0.75), DRIFT, Signal.DRIFT, 0.05),
        (PerformanceLimit(minimum=0.72), OK, Signal.WARNING, 0.02),
        (PerformanceLimit(minimum=0.7), OK, Signal.STABLE, 0),
        (PerformanceLimit(maximum=0.65), DRIFT, Signal.DRIFT, 0.05),
        (PerformanceLimit(maximum=0.68), OK, Signal.WARNING, 0.02),
        (PerformanceLimit(maximum=0.8), OK, Signal.STABLE, -0.1),
    ],
)
def test_judge_performance__fixed_limit__drift_when_the_interval_is_past_it(
    limit: PerformanceLimit, verdict: Verdict, signal: Signal, excess: float
) -> None:
    found = judge_performance(Metric.RECALL, FOUND, limit)
    assert (found.verdict, found.signal, found.standard_error) == (verdict, signal, 0.02)
    assert found.excess == pytest.approx(excess)
    assert (found.excess_lower, found.excess_upper) == pytest.approx((excess - 0.04, excess + 0.04))


@pytest.mark.parametrize(
    ("metric", "relative", "limit", "verdict"),
    [
        (Metric.F1, 0.05, 0.76, DRIFT),
        (Metric.F1, 0.1, 0.72, OK),
        (Metric.MAE, 0.05, 0.84, OK),
        (Metric.F1, 2, 0, OK),
    ],
)
def test_judge_performance__relative_limit__lies_on_the_metrics_worse_side(
    metric: Metric, relative: float, limit: float, verdict: Verdict
) -> None:
    found = judge_performance(metric, FOUND, PerformanceLimit(relative=relative), baseline=BASELINE)
    assert found.limit == pytest.approx(limit)
    assert (found.baseline, found.verdict) == (0.8, verdict)


def test_judge_performance__relative_limit__adds_the_baselines_error() -> None:
    found = judge_performance(Metric.MAE, FOUND, PerformanceLimit(relative=0.5), baseline=BASELINE)
    assert found.standard_error == pytest.approx((0.02**2 + (1.5 * 0.015) ** 2) ** 0.5)
    reach = (0.04**2 + (1.5 * 0.03) ** 2) ** 0.5
    assert (found.excess_lower, found.excess_upper) == pytest.approx((-0.5 - reach, -0.5 + reach))


def test_judge_performance__vague_baseline__keeps_from_drift() -> None:
    vague, limit = (
        replace(BASELINE, lower=0.6, upper=0.95, standard_error=0.09),
        PerformanceLimit(relative=0.01),
    )
    assert judge_performance(Metric.F1, FOUND, limit, baseline=BASELINE).verdict == DRIFT
    assert judge_performance(Metric.F1, FOUND, limit, baseline=vague).signal == Signal.WARNING


def test_judge_performance__accuracy_at_its_limit__drifts_in_few_windows() -> None:
    right = np.random.default_rng(0).binomial(400, 0.9, 2000)
    limit = PerformanceLimit(minimum=0.9)
    drifted = sum(
        judge_performance(Metric.ACCURACY, accuracy(each, 400), limit).verdict == DRIFT
        for each in right
    )
    assert stats.binomtest(drifted, 2000, 0.025).pvalue > 0.001


def test_judge_performance__relative_limit_just_met__drifts_in_few_windows() -> None:
    rng, limit, drifted = np.random.default_rng(1), PerformanceLimit(relative=0.05), 0
    for before, now in zip(
        rng.binomial(600, 0.9, 2000), rng.binomial(400, 0.855, 2000), strict=True
    ):
        found = judge_performance(
            Metric.ACCURACY, accuracy(now, 400), limit, baseline=accuracy(before, 600)
        )
        drifted += found.verdict == DRIFT
    assert stats.binomtest(drifted, 2000, 0.025).pvalue > 0.001


def test_judge_performance__clearly_worse__is_seen() -> None:
    found = judge_performance(
        Metric.ACCURACY,
        accuracy(330, 400),
        PerformanceLimit(relative=0.03),
        baseline=accuracy(540, 600),
    )
    assert (found.verdict, found.signal) == (DRIFT, Signal.DRIFT)


@pytest.mark.parametrize(
    ("window", "limit", "baseline", "reason"),
    [
        (
            replace(FOUND, n=49),
            {"minimum": 0.9},
            None,
            "Recall was measured on 49 rows, but a verdict takes 50.",
        ),
        (MetricEstimate(n=60, reason="Why."), {"minimum": 0.9}, None, "Recall is undefined: Why."),
        (
            FOUND,
            {"relative": 0.1},
            MetricEstimate(n=9, reason="Why."),
            "Recall of the baseline is undefined: Why.",
        ),
    ],
)
def test_judge_performance__nothing_to_judge__insufficient_data(
    window: MetricEstimate, limit: dict[str, float], baseline: MetricEstimate | None, reason: str
) -> None:
    found = judge_performance(Metric.RECALL, window, PerformanceLimit(**limit), baseline=baseline)
    assert (found.verdict, found.signal, found.reason) == (Verdict.INSUFFICIENT_DATA, None, reason)


@pytest.mark.parametrize(
    ("metric", "limit", "reason"),
    [
        (
            Metric.F1,
            {"minimum": 0.75},
            "F1 is 0.7 (95 % interval 0.66 to 0.74), below the limit of 0.75.",
        ),
        (
            Metric.RMSE,
            {"maximum": 0.69},
            "RMSE is 0.7 (95 % interval 0.66 to 0.74), above the limit of 0.69; chance could explain it.",
        ),
        (
            Metric.ROC_AUC,
            {"relative": 0.25},
            "ROC AUC is 0.7 (95 % interval 0.66 to 0.74), at or above the limit of 0.6, "
            "which is 25 % below the baseline's value.",
        ),
    ],
)
def test_judge_performance__verdict__is_a_sentence(
    metric: Metric, limit: dict[str, float], reason: str
) -> None:
    assert (
        judge_performance(metric, FOUND, PerformanceLimit(**limit), baseline=BASELINE).reason
        == reason
    )


def test_judge_performance__record__becomes_json() -> None:
    stored = json_safe(judge_performance(Metric.F1, FOUND, PerformanceLimit(minimum=0.5)))
    assert (stored["metric"], stored["verdict"], stored["signal"], stored["n"]) == (
        "f1",
        "ok",
        "stable",
        500,
    )


@pytest.mark.parametrize(
    "limit",
    [
        {},
        {"minimum": 1, "maximum": 2},
        {"minimum": float("nan")},
        {"relative": 0},
        {"relative": -0.1},
    ],
)
def test_performance_limit__not_one_usable_number__is_refused(limit: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="limit is"):
        PerformanceLimit(**limit)


def test_judge_performance__unusable_baseline__says_why() -> None:
    with pytest.raises(ValueError, match="needs the baseline"):
        judge_performance(Metric.F1, FOUND, PerformanceLimit(relative=0.1))
    with pytest.raises(ValueError, match=r"level 0\.95, the baseline's of 0\.9\."):
        judge_performance(
            Metric.F1, FOUND, PerformanceLimit(relative=0.1), baseline=replace(BASELINE, level=0.9)
        )
