from dataclasses import replace
from typing import Any

import pytest

from algorithms.methods import Method
from algorithms.verdicts import Severity, Verdict
from detections.findings import drifted_features, severity_of_run
from detections.models import Detection, DetectionRun
from detections.runs.completion import complete_run
from drift_detector.events.models import OutboxEvent
from monitors.models import Baseline, Monitor
from tests.factories import drift_result, expire_lease, make_run, plain_result, take


def data_of_event() -> dict[str, Any]:
    data: dict[str, Any] = OutboxEvent.objects.get(topic="drift.detected").envelope["data"]
    return data


def test_complete_run__drift__writes_what_the_method_found(run: DetectionRun) -> None:
    baseline_id = Baseline.objects.get().id
    assert complete_run(
        take(run), drift_result(Severity.CRITICAL, "delay", "distance", baseline_id=baseline_id)
    )
    found = Detection.objects.get(run=run)
    assert (found.method, found.verdict, found.is_drifted, found.severity) == (
        "ks",
        "drift",
        True,
        "critical",
    )
    assert (found.worst_feature, found.statistic, found.threshold) == ("delay", 0.3, 0.05)
    assert (found.window_start, found.window_end) == (run.window_start, run.window_end)
    assert [each["feature"] for each in found.details] == ["delay", "distance"]


def test_complete_run__drift__event_tells_what_and_where(
    run: DetectionRun, monitor: Monitor
) -> None:
    assert complete_run(
        take(run), drift_result(Severity.WARNING, "delay", baseline_id=Baseline.objects.get().id)
    )
    data = data_of_event()
    assert (data["monitor_id"], data["run_id"], data["rows"]) == (
        str(monitor.id),
        str(run.id),
        2000,
    )
    assert (data["methods"], data["severity"], data["baseline_version"]) == (["ks"], "warning", 1)
    assert data["drifted_features"] == [
        {
            "method": "ks",
            "reference": "baseline",
            "feature": "delay",
            "statistic": 0.3,
            "p_value": 1e-9,
            "effect_size": 0.3,
        }
    ]


@pytest.mark.parametrize(
    "verdict", [Verdict.OK, Verdict.NO_DATA, Verdict.INSUFFICIENT_DATA, Verdict.ERROR]
)
def test_complete_run__no_drift__no_event_of_drift(run: DetectionRun, verdict: Verdict) -> None:
    assert complete_run(take(run), plain_result(verdict))
    run.refresh_from_db()
    assert run.verdict == verdict
    assert not OutboxEvent.objects.filter(topic="drift.detected").exists()


def test_complete_run__run_taken_by_another__writes_nothing(run: DetectionRun) -> None:
    old = take(run)
    expire_lease(run)
    take(run)
    assert complete_run(old, drift_result()) is False
    assert not Detection.objects.exists()
    assert not OutboxEvent.objects.exists()


def test_drifted_features__seen_by_two_methods__named_once_by_the_clearer_one() -> None:
    (weak,), (strong,) = (drift_result(Severity.INFO, name).methods for name in ("delay", "delay"))
    detail = replace(strong.details[0], effect_size=0.9, statistic=0.9)
    clearer = replace(strong, method=Method.PSI, details=(detail,))
    (told,) = drifted_features([weak, clearer])
    assert (told["method"], told["effect_size"]) == ("psi", 0.9)


def test_drifted_features__hundreds__tells_the_twenty_largest() -> None:
    told = drifted_features(
        drift_result(Severity.INFO, *(f"f{number:03}" for number in range(300))).methods
    )
    assert [each["feature"] for each in told] == [f"f{number:03}" for number in range(20)]


def test_severity_of_run__several_methods__is_the_highest() -> None:
    methods = [
        drift_result(each).methods[0]
        for each in (Severity.INFO, Severity.CRITICAL, Severity.WARNING)
    ]
    assert severity_of_run(methods) is Severity.CRITICAL


def test_complete_run__two_runs__two_events(monitor: Monitor) -> None:
    for week in (3, 4):
        assert complete_run(
            take(make_run(monitor, week=week)), drift_result(baseline_id=Baseline.objects.get().id)
        )
    events = OutboxEvent.objects.filter(topic="drift.detected").order_by("id")
    assert len({event.event_id for event in events}) == len(events) == 2
