from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from alerts.health.reviews import REVIEW_TASK, enqueue_reviews, review_monitor
from alerts.models import Alert
from alerts.workflow import services
from detections.ledger import recovery, ticks
from detections.models import DetectionRun
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import set_quotas
from monitors.baselines.builds import build_baseline, request_baseline
from monitors.health_reviews import finish_review, request_reviews, token_of
from monitors.models import HealthReview, Monitor
from tasks.alerts import review_monitor as review_task
from tests.alerts.health.conftest import End, events, health_alerts
from tests.conftest import connected_as, role_url
from tests.factories import (
    expire_lease,
    make_monitor,
    make_run,
    rows_of,
    take,
    wake_ups,
)


def review(monitor: Monitor) -> None:
    """What the reconciler and a worker do with the requests that are there."""
    requested = HealthReview.objects.filter(monitor=monitor).exists()
    assert requested
    review_task(tenant_id=str(monitor.tenant_id), monitor_id=str(monitor.id))


def fail_baseline(monitor: Monitor) -> UUID:
    """Ask for a baseline of data that are nowhere."""
    baseline = request_baseline(monitor=monitor)
    built = build_baseline(tenant_id=monitor.tenant_id, baseline_id=baseline.id, worker="worker-1")
    assert built == monitor.id
    return baseline.id


def test_review__baseline_failed__raises_a_critical_alert_without_a_run(monitor: Monitor) -> None:
    fail_baseline(monitor)
    review(monitor)
    [alert] = health_alerts()
    assert (alert.severity, alert.cause) == ("critical", {"causes": ["baseline_failed"]})
    assert (alert.first_run_id, alert.window_start, alert.window_end) == (None, None, None)
    assert "Version 2 of the baseline could not be built" in alert.summary
    assert not HealthReview.objects.exists()


def test_review__baseline_built_anew__closes_it(flights: Path, in_tenant: Tenant) -> None:
    away = flights.rename(flights.with_name("away"))
    monitor = make_monitor(reference_data_uri=str(flights), current_data_uri=str(flights))
    fail_baseline(monitor)
    review(monitor)
    away.rename(flights)
    fresh = request_baseline(monitor=monitor)
    build_baseline(tenant_id=monitor.tenant_id, baseline_id=fresh.id, worker="worker-1")
    review(monitor)
    [alert] = health_alerts()
    assert events(alert) == [("opened", True), ("resolved", True)]


def test_review__judged_run_since__has_closed_it_for_good(monitor: Monitor, end: End) -> None:
    fail_baseline(monitor)
    review(monitor)
    end(3, "ok")
    assert [alert.phase for alert in health_alerts()] == ["resolved"]
    request_reviews([(monitor.tenant_id, monitor.id)])
    review(monitor)  # the newest version is still the one that failed
    assert [alert.phase for alert in health_alerts()] == ["resolved"]


def test_review__twice__changes_nothing(monitor: Monitor) -> None:
    fail_baseline(monitor)
    review(monitor)
    before = Alert.objects.values().get(), events(health_alerts()[0])
    request_reviews([(monitor.tenant_id, monitor.id)])
    review(monitor)
    after = Alert.objects.values().get(), events(health_alerts()[0])
    assert after[1] == before[1]
    assert after[0] | {"updated_at": 0} == before[0] | {"updated_at": 0}


def test_review__paused_monitor__is_well(monitor: Monitor) -> None:
    fail_baseline(monitor)
    Monitor.objects.update(status="paused")
    review(monitor)
    assert health_alerts() == []


def test_review__resolved_by_a_person__the_same_failure_raises_no_other(monitor: Monitor) -> None:
    fail_baseline(monitor)
    review(monitor)
    services.resolve(alert_id=health_alerts()[0].id, by="user:ana", reason="expected")
    request_reviews([(monitor.tenant_id, monitor.id)])
    review(monitor)
    assert len(health_alerts()) == 1
    fail_baseline(monitor)
    review(monitor)
    assert len(health_alerts()) == 2


def test_release_abandoned_runs__last_attempt__raises_an_alert(
    committed_tenant: Tenant, empty_broker: None
) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor()
        run = make_run(monitor, attempt=2)
    take(run)
    expire_lease(run)
    with connected_as(role_url("scheduler")):
        recovery.release_abandoned_runs()
        assert enqueue_reviews() == 1
        assert enqueue_reviews() == 0  # it is on its way
    [message] = wake_ups(REVIEW_TASK)
    review_task(**message)
    with tenant_scope(committed_tenant.id):
        [alert] = health_alerts()
        assert (alert.first_run_id, alert.severity) == (run.id, "critical")
        assert not HealthReview.objects.exists()


def test_enqueue_reviews__message_that_was_lost__is_sent_again(
    committed_tenant: Tenant, empty_broker: None
) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor()
        request_reviews([(committed_tenant.id, monitor.id)])
    with connected_as(role_url("scheduler")):
        assert enqueue_reviews() == 1
        HealthReview.objects.update(enqueued_at=timezone.now() - timedelta(minutes=2))
        assert enqueue_reviews() == 1


def test_request_reviews__failure_during_a_review__is_reviewed_again(monitor: Monitor) -> None:
    request_reviews([(monitor.tenant_id, monitor.id)])
    token = token_of(monitor.id)
    assert token is not None
    request_reviews([(monitor.tenant_id, monitor.id)])
    finish_review(monitor.id, token)
    assert HealthReview.objects.count() == 1


def test_request_reviews__rolled_back__leaves_none(committed_tenant: Tenant) -> None:
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor()
    with tenant_scope(committed_tenant.id):
        request_reviews([(committed_tenant.id, monitor.id)])
        transaction.set_rollback(True)
    assert rows_of(committed_tenant.id, "SELECT count(*) FROM drf_health_reviews") == [(0,)]


def test_review_monitor__that_is_gone__does_nothing(in_tenant: Tenant) -> None:
    review_monitor(tenant_id=in_tenant.id, monitor_id=uuid4())
    assert not Alert.objects.exists()


def skipped(monitor: Monitor, week: int, reason: str = "Missed; catch_up is skip.") -> DetectionRun:
    run = make_run(monitor, week=week, status="skipped", reason=reason)
    request_reviews(ticks._without_a_check([run]))
    return run


def test_review__newest_tick_skipped__raises_a_warning_with_the_reason(
    monitor: Monitor, end: End
) -> None:
    end(3, "ok")
    tick = skipped(monitor, 4)
    review(monitor)
    [alert] = health_alerts()
    assert (alert.severity, alert.cause) == ("warning", {"causes": ["skipped_ticks"]})
    assert f"The tick of {tick.scheduled_for:%Y-%m-%d %H:%M} UTC was skipped." in alert.summary
    assert "catch_up is skip" in alert.summary
    end(5, "ok")
    assert [each.phase for each in health_alerts()] == ["resolved"]


def test_review__tick_that_a_run_made_good__raises_nothing(monitor: Monitor, end: End) -> None:
    skipped(monitor, 4)
    end(4, "ok", trigger="manual", scheduled_for=timezone.now())
    review(monitor)
    assert health_alerts() == []


def test_without_a_check__later_tick_runs__asks_for_no_review(monitor: Monitor) -> None:
    late, on_time = make_run(monitor, week=3, status="skipped"), make_run(monitor, week=4)
    assert ticks._without_a_check([late, on_time]) == []
    assert ticks._without_a_check([late]) == [(monitor.tenant_id, monitor.id)]


def test_record_ticks__over_the_quota__raises_an_alert_with_the_reason(
    committed_tenant: Tenant, empty_broker: None
) -> None:
    with tenant_scope(committed_tenant.id):
        set_quotas(runs_per_day=0)
        monitor = make_monitor(schedule_cron="* * * * *")
    past = timezone.now() - timedelta(minutes=1)
    with connected_as(role_url("scheduler")):
        PeriodicTask.objects.update(date_changed=past, last_run_at=past)
        ticks.record_ticks(list(PeriodicTask.objects.values_list("id", flat=True)))
        assert enqueue_reviews() == 1
    [message] = wake_ups(REVIEW_TASK)
    assert message["monitor_id"] == str(monitor.id)
    review_task(**message)
    with tenant_scope(committed_tenant.id):
        [alert] = health_alerts()
        assert (alert.severity, alert.first_run_id) == ("warning", None)
        assert "The quota of 0 runs a day has no room" in alert.summary
