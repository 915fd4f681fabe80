from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from alerts.models import Alert, RetrainingRequest
from alerts.retraining.progress import release_request
from detections.models import DetectionRun
from detections.runs.completion import complete_run
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.alerts.conftest import Settle, result_of
from tests.factories import at_once, make_monitor, make_run, rows_of, take


@pytest.fixture
def settle(settle: Settle) -> Settle:
    """Runs here are critical unless a test says otherwise: one is evidence enough by the usual rule."""
    return partial(settle, severity="critical")


def requests() -> list[dict[str, Any]]:
    """What has been asked for, oldest first."""
    events = OutboxEvent.objects.filter(topic="drift.retraining_required").order_by("id")
    return [event.envelope["data"] for event in events]


def test_require_retraining__drift__asks_with_its_run_alert_and_reason(
    settle: Settle, monitor: Monitor
) -> None:
    run = settle(3)
    (asked,) = requests()
    assert (asked["run_id"], asked["monitor_id"]) == (str(run.id), str(monitor.id))
    assert (asked["alert_id"], asked["reason"]) == (
        str(Alert.objects.get().id),
        "Flights: drift in delay",
    )
    monitor.refresh_from_db()
    assert monitor.retraining_required_at is not None


@pytest.mark.parametrize("verdict", ["ok", "no_data", "insufficient_data", "error"])
def test_require_retraining__no_drift__asks_nothing(settle: Settle, verdict: str) -> None:
    settle(3, verdict)
    assert requests() == []


def test_require_retraining__switched_off__asks_nothing(
    settle: Settle, override: Callable[..., None]
) -> None:
    override(retraining_trigger_enabled=False)
    settle(3)
    assert requests() == []
    assert OutboxEvent.objects.count() == 2


def test_require_retraining__monitors_own_switch_off__asks_nothing(
    settle: Settle, monitor: Monitor
) -> None:
    Monitor.objects.update(retraining_enabled=False)
    settle(3)
    assert requests() == []
    monitor.refresh_from_db()
    assert monitor.retraining_required_at is None


def test_require_retraining__open_request__asks_for_no_other(
    settle: Settle, override: Callable[..., None]
) -> None:
    override(retraining_cooldown_seconds=0)
    first = settle(3)
    settle(4)
    assert [asked["run_id"] for asked in requests()] == [str(first.id)]


def end_request(**fields: Any) -> None:
    """As if the request had expired, so long ago."""
    ended = {"status": "expired", "finished_at": timezone.now()}
    RetrainingRequest.objects.update(**ended | fields)


@pytest.mark.parametrize(("seconds", "asked"), [(3590, 1), (3610, 2)])
def test_require_retraining__default_cooldown__is_an_hour(
    settle: Settle, seconds: int, asked: int
) -> None:
    settle(3)
    end_request(created_at=timezone.now() - timedelta(seconds=seconds))
    settle(4)
    assert len(requests()) == asked


def test_require_retraining__no_cooldown__asks_once_the_last_has_ended(
    settle: Settle, override: Callable[..., None]
) -> None:
    override(retraining_cooldown_seconds=0)
    first = settle(3)
    end_request()
    second = settle(4)
    settle(5)
    assert [asked["run_id"] for asked in requests()] == [str(first.id), str(second.id)]


def test_require_retraining__other_monitor_of_the_model__shares_its_cooldown(
    settle: Settle, monitor: Monitor
) -> None:
    settle(3)
    settle(3, of=make_monitor(model_id=monitor.model_id))
    assert len(requests()) == 1


def test_require_retraining__other_model__has_its_own_cooldown(settle: Settle) -> None:
    settle(3)
    settle(3, of=make_monitor())
    assert len({asked["model_id"] for asked in requests()}) == 2


def test_require_retraining__two_runs_at_once__one_is_asked_for(
    committed_runs: list[DetectionRun],
) -> None:
    with tenant_scope(committed_runs[0].tenant_id):
        result = result_of(committed_runs[0].monitor, "drift", "critical")
    claims = [take(run) for run in committed_runs]
    at_once(*[lambda claim=claim: complete_run(claim, result) for claim in claims])
    query = "SELECT count(*) FROM drf_outbox WHERE topic = 'drift.retraining_required'"
    assert rows_of(committed_runs[0].tenant_id, query) == [(1,)]


def test_require_retraining__two_monitors_of_a_model_at_once__make_one_request(
    committed_tenant: Tenant,
) -> None:
    with tenant_scope(committed_tenant.id):
        first = make_monitor()
        second = make_monitor(model_id=first.model_id)
        runs = [make_run(monitor) for monitor in (first, second)]
        results = [result_of(monitor, "drift", "critical") for monitor in (first, second)]
    pairs = list(zip([take(run) for run in runs], results, strict=True))
    ended = at_once(*[lambda pair=pair: complete_run(*pair) for pair in pairs])
    assert ended == [True, True]
    query = "SELECT count(*), count(DISTINCT model_id) FROM drf_retraining_requests"
    assert rows_of(committed_tenant.id, query) == [(1, 1)]


def test_release_and_run__at_once__wait_for_each_other_and_do_not_deadlock(
    committed_tenant: Tenant,
) -> None:
    """Both lock the model before its alert: the other order would be a deadlock."""
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor()
        runs = [make_run(monitor, week=week) for week in (3, 4)]
        result = result_of(monitor, "drift", "critical")
    assert complete_run(take(runs[0]), result)
    with tenant_scope(committed_tenant.id):
        ineffective = {"status": "ineffective", "finished_at": timezone.now()}
        RetrainingRequest.objects.update(**ineffective)
        request_id = RetrainingRequest.objects.get().id

    def release() -> bool:
        with tenant_scope(committed_tenant.id):
            return release_request(request_id=request_id, by="key:test").released_by == "key:test"

    claim = take(runs[1])
    assert at_once(release, lambda: complete_run(claim, result)) == [True, True]
