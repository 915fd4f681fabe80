"""What follow-ups do to alerts: they come long after newer checks, and judge the model's performance alone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from alerts.episodes.observations import DriftEntry, Observation, Place
from alerts.models import Alert, AlertRun
from algorithms.method_results import FeatureDetail, MethodResult, PerformanceMethod
from algorithms.verdicts import Severity, Verdict
from detections.models import DetectionRun
from detections.results import RunResult
from detections.runs.completion import complete_run
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.alerts.conftest import Settle
from tests.factories import make_finished_run, make_monitor, make_run, take

type Measure = Callable[..., DetectionRun]

MEASURED, ESTIMATED = PerformanceMethod.PERFORMANCE, PerformanceMethod.ESTIMATED


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Flights", performance_limits={"accuracy": {"minimum": 0.9}})


@pytest.fixture
def measure(monitor: Monitor) -> Measure:
    """Let a week's follow-up, or its check, end with a verdict on accuracy: `measure(2, "drift")`."""

    def measure_week(
        week: int,
        verdict: str = "ok",
        method: PerformanceMethod = MEASURED,
        trigger: str = "labels",
    ) -> DetectionRun:
        run = make_run(monitor, week=week, trigger=trigger)
        assert complete_run(take(run), metric_result(Verdict(verdict), method))
        return run

    return measure_week


def metric_result(verdict: Verdict, method: PerformanceMethod) -> RunResult:
    severity = Severity.WARNING if verdict is Verdict.DRIFT else None
    accuracy = FeatureDetail(
        feature="accuracy", kind=None, verdict=verdict, severity=severity, statistic=0.8, threshold=0.9,
        effect_size=0.1, scale=0.05,
    )  # fmt: skip
    answer = MethodResult(
        method=method, verdict=verdict, is_drifted=verdict is Verdict.DRIFT, severity=severity,
        worst_feature="accuracy", statistic=0.8, threshold=0.9, p_value=None, effect_size=0.1, details=(accuracy,),
    )  # fmt: skip
    return RunResult(verdict=verdict, rows=2000, methods=(answer,))


def told(kind: str = "performance") -> list[tuple[str, str]]:
    alert = Alert.objects.get(kind=kind)
    return [(each["method"], each["feature"]) for each in alert.drifted_features]


def statuses() -> dict[str, str]:
    return dict(Alert.objects.values_list("kind", "status"))


def test_follow_up__worse_than_allowed__opens_an_alert_though_newer_checks_are_ok(
    settle: Settle, measure: Measure
) -> None:
    settle(3, "ok")
    run = measure(2, "drift")
    alert = Alert.objects.get()
    assert (alert.status, alert.first_run_id, alert.summary) == (
        "open",
        run.id,
        "Flights: drift in accuracy",
    )
    (event,) = OutboxEvent.objects.filter(topic="drift.detected")
    assert event.envelope["data"]["detection_type"] == "performance"
    assert OutboxEvent.objects.filter(topic="drift.retraining_required").count() == 1


def test_follow_up__a_newer_one_was_ok__is_told_but_not_left_open(measure: Measure) -> None:
    measure(3, "ok")
    measure(2, "drift")
    assert Alert.objects.get().status == "resolved"


def test_check__features_drift_and_a_newer_follow_up_was_ok__stays_open(
    settle: Settle, measure: Measure
) -> None:
    measure(3, "ok")
    settle(2, "drift")
    assert Alert.objects.get().status == "open"


@pytest.mark.parametrize("week", [2, 3])
def test_follow_up__is_ok__says_nothing_of_features(
    settle: Settle, measure: Measure, week: int
) -> None:
    settle(2, "drift")
    measure(week, "ok")
    assert Alert.objects.get().status == "open"


@pytest.mark.parametrize(("week", "status"), [(1, "open"), (2, "resolved"), (3, "resolved")])
def test_follow_up__is_ok__ends_what_was_only_estimated(
    measure: Measure, week: int, status: str
) -> None:
    measure(2, "drift", ESTIMATED, "schedule")
    measure(week, "ok")
    assert Alert.objects.get().status == status


def test_check__is_ok_without_labels__leaves_what_a_follow_up_measured_to_the_next(
    settle: Settle, measure: Measure
) -> None:
    measure(2, "drift")
    settle(3, "ok")
    measure(4, "ok", ESTIMATED, "schedule")
    assert Alert.objects.get().status == "open"
    measure(3, "ok")
    assert Alert.objects.get().status == "resolved"


@pytest.mark.parametrize("verdict", ["no_data", "insufficient_data", "error"])
def test_follow_up__without_labels__changes_nothing(
    settle: Settle, measure: Measure, verdict: str
) -> None:
    measure(2, "drift")
    measure(3, verdict)
    alert = Alert.objects.get(kind=Alert.Kind.PERFORMANCE)
    assert (alert.status, alert.occurrences) == ("open", 1)


def test_follow_up__features_drift_since__are_two_alerts(settle: Settle, measure: Measure) -> None:
    newest, measured = settle(4, "drift"), measure(2, "drift")
    assert (told("statistical"), told()) == ([("ks", "delay")], [("performance", "accuracy")])
    assert list(Alert.objects.order_by("kind").values_list("last_run_id", flat=True)) == [
        measured.id,
        newest.id,
    ]


@pytest.mark.parametrize("check_first", [True, False])
def test_alert__of_both__ends_when_each_was_found_ok_by_its_own(
    settle: Settle, measure: Measure, check_first: bool
) -> None:
    settle(4, "drift")
    measure(2, "drift")
    steps = {
        "statistical": lambda: settle(5, "ok"),
        "performance": lambda: measure(3, "ok"),
    }
    first, second = steps if check_first else reversed(steps)
    steps[first]()
    assert statuses() == {first: "resolved", second: "open"}
    steps[second]()
    assert statuses() == {first: "resolved", second: "resolved"}


def test_check__drift_goes_on_without_labels__keeps_what_was_measured(
    settle: Settle, measure: Measure
) -> None:
    measure(2, "drift")
    settle(3, "drift")
    assert statuses() == {"performance": "open", "statistical": "open"}
    assert told() == [("performance", "accuracy")]


def test_follow_up__measures_what_was_estimated__is_told_once(measure: Measure) -> None:
    measure(2, "drift", ESTIMATED, "schedule")
    measure(2, "drift")
    assert told() == [("performance", "accuracy")]


@pytest.mark.parametrize(("week", "status"), [(1, "open"), (3, "resolved")])
def test_alert__told_before_windows_were_kept__goes_by_its_last_window(
    settle: Settle, week: int, status: str
) -> None:
    settle(2, "drift")
    Alert.objects.update(drifted_features=[{"method": "ks", "feature": "delay"}], state={})
    AlertRun.objects.all().delete()
    settle(week, "ok")
    assert Alert.objects.get().status == status


def test_dashboard__follow_up_is_newest__last_verdict_is_the_last_checks(
    api: APIClient, monitor: Monitor
) -> None:
    now = timezone.now()
    make_finished_run(monitor, "drift", finished_at=now - timedelta(hours=2))
    make_finished_run(monitor, "ok", week=2, trigger="labels", finished_at=now)
    row = api.get("/api/v1/dashboard").json()["per_monitor"][0]
    assert (row["runs"], row["drifted"], row["last_verdict"]) == (2, 1, "drift")
    assert row["last_run_at"] < now.isoformat()


@pytest.mark.parametrize(
    ("newer", "verdicts", "method", "has_limit", "trigger", "is_over"),
    [
        (False, {"accuracy": "ok"}, "performance", True, "schedule", False),
        (True, {"accuracy": "drift"}, "performance", True, "schedule", False),
        (True, {"accuracy": "ok"}, "performance", True, "schedule", True),
        (True, {}, "performance", True, "schedule", False),
        (True, {}, "performance", False, "schedule", True),
        (True, {}, "performance", False, "labels", False),
        (True, {}, "ks", True, "schedule", True),
        (True, {}, "ks", True, "labels", False),
        (True, {"accuracy": "ok"}, "estimated_performance", True, "labels", True),
    ],
)
def test_ends__each_row_of_the_table(
    newer: bool,
    verdicts: dict[str, str],
    method: str,
    has_limit: bool,
    trigger: str,
    is_over: bool,
) -> None:
    seen = timezone.now()
    end = seen + timedelta(days=7) if newer else seen - timedelta(days=7)
    limits = {"accuracy": {"minimum": 0.9}} if has_limit else {}
    observation = Observation(
        run_id="",
        place=Place(end, end, "follow_up" if trigger == "labels" else "check"),
        verdict="ok",
        not_ok=frozenset(name for name, verdict in verdicts.items() if verdict != "ok"),
        judged=frozenset(("performance", name) for name in verdicts),
        limited=frozenset(limits),
    )
    entry = DriftEntry(method=method, feature="accuracy", window_end=seen, record={})
    assert observation.ends(entry) is is_over


def test_check__unsupported_estimate__leaves_the_alert_of_performance_open(
    measure: Measure,
) -> None:
    measure(1, "drift", ESTIMATED, "schedule")
    measure(2, "unsupported", ESTIMATED, "schedule")
    assert statuses() == {"performance": "open"}
    measure(3, "ok", ESTIMATED, "schedule")
    assert statuses() == {"performance": "resolved"}


def test_check__unsupported_estimate__raises_no_alert(measure: Measure) -> None:
    measure(1, "unsupported", ESTIMATED, "schedule")
    assert not Alert.objects.exists()
    assert not OutboxEvent.objects.exists()
