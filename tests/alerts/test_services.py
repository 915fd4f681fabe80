from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from alerts.models import Alert
from alerts.workflow import services
from algorithms.verdicts import Severity, Verdict
from detections.models import Detection, DetectionRun
from detections.results import RunResult
from detections.runs.completion import complete_run
from drift_detector.events.models import OutboxEvent
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.alerts.conftest import Settle, result_of
from tests.factories import (
    at_once,
    drift_result,
    eventually,
    expire_lease,
    make_monitor,
    make_run,
    plain_result,
    rows_of,
    take,
)

# Somebody in this database waits for a row that another transaction has changed.
WAITING = """SELECT 1 FROM pg_locks JOIN pg_stat_activity activity USING (pid)
             WHERE NOT granted AND activity.datname = current_database()"""


def times_told() -> int:
    return OutboxEvent.objects.filter(topic="drift.alert_raised").count()


def acknowledged(alert: Alert) -> Alert:
    return services.acknowledge(alert_id=alert.id, by="user:ana", note="On it.")


def test_settle_run__first_drift__opens_an_alert(settle: Settle) -> None:
    run = settle(3, "drift", "critical")
    alert = Alert.objects.get()
    assert (alert.status, alert.severity, alert.occurrences) == ("open", "critical", 1)
    assert (alert.first_run_id, alert.last_run_id) == (run.id, run.id)
    assert (alert.window_start, alert.window_end) == (run.window_start, run.window_end)
    assert alert.summary == "Flights: drift in delay"
    assert [each["feature"] for each in alert.drifted_features] == ["delay"]


def test_settle_run__many_features__summary_names_three(monitor: Monitor) -> None:
    run = make_run(monitor)
    complete_run(take(run), result_of(monitor, "drift", "info", "a", "b", "c", "d", "e"))
    assert Alert.objects.get().summary == "Flights: drift in a, b, c and 2 more"


def test_settle_run__drift_goes_on__is_one_alert_told_once(settle: Settle) -> None:
    first, _, last = settle(3), settle(4), settle(5)
    alert = Alert.objects.get()
    assert (alert.occurrences, times_told()) == (3, 1)
    assert (alert.first_run_id, alert.last_run_id) == (first.id, last.id)
    assert (alert.window_start, alert.window_end) == (first.window_start, last.window_end)


def test_settle_run__older_drift_comes_later__widens_the_window_backwards(settle: Settle) -> None:
    newer, older = settle(5), settle(3)
    alert = Alert.objects.get()
    assert (alert.window_start, alert.window_end) == (older.window_start, newer.window_end)
    assert (alert.occurrences, alert.last_run_id) == (2, newer.id)


def test_settle_run__gets_worse__is_told_and_to_be_acknowledged_again(settle: Settle) -> None:
    settle(3, "drift", "info")
    acknowledged(Alert.objects.get())
    settle(4, "drift", "critical")
    alert = Alert.objects.get()
    assert (alert.severity, alert.status, alert.attention) == ("critical", "open", "new")
    # What a person said is never erased.
    assert (alert.acknowledged_by, alert.note, times_told()) == ("user:ana", "On it.", 2)


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_settle_run__no_worse__stays_acknowledged(settle: Settle, severity: str) -> None:
    settle(3, "drift", "warning")
    acknowledged(Alert.objects.get())
    settle(4, "drift", severity)
    alert = Alert.objects.get()
    assert (alert.severity, alert.peak_severity) == (severity, "warning")
    assert (alert.announced_severity, alert.status, alert.acknowledged_by) == (
        "warning",
        "acknowledged",
        "user:ana",
    )
    assert times_told() == 1


def test_settle_run__newer_ok__resolves(settle: Settle) -> None:
    settle(3)
    settle(4, "ok")
    alert = Alert.objects.get()
    assert alert.status == "resolved"
    assert alert.resolved_at is not None


def test_settle_run__older_ok__does_not_resolve(settle: Settle) -> None:
    settle(3)
    settle(2, "ok")
    assert Alert.objects.get().status == "open"


def drift_alerts() -> QuerySet[Alert]:
    """The alerts of drift; a run that judges nothing raises one of health."""
    return Alert.objects.exclude(kind=Alert.Kind.HEALTH)


@pytest.mark.parametrize("verdict", ["no_data", "insufficient_data", "error"])
def test_settle_run__silence__neither_resolves_nor_raises(settle: Settle, verdict: str) -> None:
    settle(2, verdict)
    assert not drift_alerts().exists()
    settle(3)
    settle(4, verdict)
    assert drift_alerts().get().status == "open"
    assert drift_alerts().get().occurrences == 1


def test_settle_run__drift_after_ok__is_a_new_episode(settle: Settle) -> None:
    settle(3)
    settle(4, "ok")
    settle(5)
    assert sorted(Alert.objects.values_list("status", "occurrences")) == [
        ("open", 1),
        ("resolved", 1),
    ]
    assert times_told() == 2


def test_settle_run__ok_of_another_monitor__resolves_nothing(settle: Settle) -> None:
    settle(3)
    settle(4, "ok", of=make_monitor())
    assert Alert.objects.get().status == "open"


def test_settle_run__acknowledged_then_ok__keeps_who_saw_it(settle: Settle) -> None:
    settle(3)
    acknowledged(Alert.objects.get())
    settle(4, "ok")
    alert = Alert.objects.get()
    assert (alert.status, alert.acknowledged_by, alert.note) == ("resolved", "user:ana", "On it.")


def test_settle_run__late_worker__doubles_nothing(committed_runs: list[DetectionRun]) -> None:
    run = committed_runs[0]
    with tenant_scope(run.tenant_id):
        result = result_of(run.monitor, "drift", "critical")
    slow = take(run, "A")
    expire_lease(run)
    assert complete_run(take(run, "B"), result)
    assert complete_run(slow, result) is False
    counts = """SELECT (SELECT count(*) FROM drf_detections), (SELECT sum(occurrences) FROM drf_alerts),
                (SELECT count(*) FROM drf_outbox), (SELECT string_agg(worker, ',') FROM drf_runs WHERE attempt > 0)"""
    assert rows_of(run.tenant_id, counts) == [(1, 1, 3, "B")]


def test_settle_run__late_worker_while_the_other_computes__changes_nothing(
    committed_runs: list[DetectionRun],
) -> None:
    run = committed_runs[0]
    with tenant_scope(run.tenant_id):
        result = result_of(run.monitor, "drift")
    slow = take(run, "A")
    expire_lease(run)
    quick = take(run, "B")
    assert complete_run(slow, result) is False
    query = "SELECT status, lease_token FROM drf_runs WHERE attempt > 0"
    assert rows_of(run.tenant_id, query) == [("running", quick.token)]
    assert rows_of(run.tenant_id, "SELECT count(*) FROM drf_outbox") == [(0,)]


def test_settle_run__two_claims_settle_at_once__one_wins(
    committed_runs: list[DetectionRun],
) -> None:
    run = committed_runs[0]
    with tenant_scope(run.tenant_id):
        result = result_of(run.monitor, "drift")
    claim = take(run)
    settled = at_once(*[lambda: complete_run(claim, result)] * 4)
    assert sorted(settled) == [False, False, False, True]
    assert rows_of(run.tenant_id, "SELECT count(*) FROM drf_detections") == [(1,)]


def test_settle_run__two_drifted_runs_at_once__make_one_alert(
    committed_runs: list[DetectionRun],
) -> None:
    tenant_id = committed_runs[0].tenant_id
    with tenant_scope(tenant_id):
        result = result_of(committed_runs[0].monitor, "drift", "critical")
    claims = [take(run) for run in committed_runs]
    assert at_once(*[lambda claim=claim: complete_run(claim, result) for claim in claims]) == [
        True,
        True,
    ]
    assert rows_of(tenant_id, "SELECT occurrences FROM drf_alerts") == [(2,)]
    topics = "SELECT topic, count(*) FROM drf_outbox GROUP BY topic ORDER BY topic"
    assert rows_of(tenant_id, topics) == [
        ("drift.alert_raised", 1),
        ("drift.detected", 2),
        ("drift.retraining_required", 1),
    ]


def test_settle_run__event_refused__nothing_of_the_run_is_written(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(monitor)
    claim = take(run)

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("not an event")

    monkeypatch.setattr("alerts.episodes.announcements.emit", refuse)
    with pytest.raises(ValueError, match="not an event"):
        complete_run(claim, result_of(monitor, "drift"))
    assert (Detection.objects.count(), Alert.objects.count(), OutboxEvent.objects.count()) == (
        0,
        0,
        0,
    )
    assert DetectionRun.objects.get().status == "running"


def test_acknowledge__open__records_who_when_and_note(settle: Settle) -> None:
    settle(3)
    before = timezone.now()
    acknowledged(Alert.objects.get())
    alert = Alert.objects.get()
    assert (alert.status, alert.acknowledged_by, alert.note) == (
        "acknowledged",
        "user:ana",
        "On it.",
    )
    assert alert.acknowledged_at is not None
    assert before <= alert.acknowledged_at <= timezone.now()


def test_acknowledge__twice__second_is_refused_and_changes_nothing(settle: Settle) -> None:
    settle(3)
    acknowledged(Alert.objects.get())
    before = Alert.objects.values().get()
    with pytest.raises(services.AlreadyAcknowledged, match="Already acknowledged by user:ana at"):
        services.acknowledge(alert_id=before["id"], by="user:ben", note="Me!")
    assert Alert.objects.values().get() == before


def test_acknowledge__resolved__stays_resolved(settle: Settle) -> None:
    settle(3)
    settle(4, "ok")
    acknowledged(Alert.objects.get())
    alert = Alert.objects.get()
    assert (alert.status, alert.acknowledged_by) == ("resolved", "user:ana")


def test_acknowledge__four_people_at_once__one_is_recorded(
    committed_runs: list[DetectionRun],
) -> None:
    run = committed_runs[0]
    with tenant_scope(run.tenant_id):
        complete_run(take(run), result_of(run.monitor, "drift"))
        alert_id = Alert.objects.get().id

    def by(name: str) -> str | None:
        with tenant_scope(run.tenant_id), suppress(services.AlreadyAcknowledged):
            return services.acknowledge(alert_id=alert_id, by=name).acknowledged_by
        return None

    names = at_once(*[lambda name=name: by(name) for name in "abcd"])
    (winner,) = [name for name in names if name]
    assert rows_of(run.tenant_id, "SELECT acknowledged_by FROM drf_alerts") == [(winner,)]


def test_acknowledge__while_a_drifted_run_settles__is_not_lost(
    committed_runs: list[DetectionRun],
) -> None:
    first, second = committed_runs
    with tenant_scope(first.tenant_id):
        result = result_of(first.monitor, "drift")
    complete_run(take(first), result)
    claim = take(second)
    with ThreadPoolExecutor(1) as pool:
        with tenant_scope(first.tenant_id):
            acknowledged(Alert.objects.get())
            settled = pool.submit(at_once, lambda: complete_run(claim, result))
            eventually(lambda: rows_of(first.tenant_id, WAITING))
        assert settled.result(20) == [True]
    assert rows_of(first.tenant_id, "SELECT occurrences, acknowledged_by FROM drf_alerts") == [
        (2, "user:ana")
    ]


def test_acknowledge__other_tenants__does_not_exist(settle: Settle, other_tenant: Tenant) -> None:
    settle(3)
    alert = Alert.objects.get()
    with tenant_scope(other_tenant.id), pytest.raises(Alert.DoesNotExist):
        acknowledged(alert)
    alert.refresh_from_db()
    assert alert.acknowledged_at is None


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("alert_resolved_at_its_time", "phase = 'resolved'"),
        ("alert_resolved_at_its_time", "resolved_at = now()"),
        ("alert_acknowledged_has_a_name", "acknowledged_at = now()"),
        ("alert_acknowledged_has_a_name", "acknowledged_by = 'user:ana'"),
    ],
)
def test_alerts_table__impossible_state__is_refused(
    settle: Settle, constraint: str, change: str
) -> None:
    settle(3)
    with (
        pytest.raises(IntegrityError, match=constraint),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE drf_alerts SET {change}")


def test_alerts_table__second_unresolved_alert__is_refused(settle: Settle) -> None:
    settle(3)
    copy = Alert.objects.get()
    copy.pk = None
    with (
        pytest.raises(IntegrityError, match="alert_one_unresolved_per_monitor"),
        transaction.atomic(),
    ):
        copy.save(force_insert=True)


def test_settle_run__drift_older_than_an_ok_run__is_not_told_nor_left_open(settle: Settle) -> None:
    settle(4, "ok")
    settle(3, "drift")
    assert Alert.objects.get().status == "resolved"
    assert times_told() == 0


def test_settle_run__ok_that_did_not_judge_what_drifted__does_not_resolve(
    settle: Settle, monitor: Monitor
) -> None:
    settle(3, "drift")
    run = make_run(monitor, week=4)
    drifted = drift_result(Severity.WARNING, "delay")
    unjudged = replace(drifted.methods[0].details[0], verdict=Verdict.INSUFFICIENT_DATA)
    methods = (
        replace(drifted.methods[0], verdict=Verdict.OK, is_drifted=False, details=(unjudged,)),
    )
    assert complete_run(take(run), RunResult(verdict=Verdict.OK, rows=2000, methods=methods))
    assert Alert.objects.get().status == "open"


def test_settle_run__ok_rows_sent_with_the_request__do_not_resolve(
    settle: Settle, monitor: Monitor
) -> None:
    settle(3, "drift")
    run = make_run(monitor, week=4, trigger="manual", inline_data=b"rows")
    assert complete_run(take(run), plain_result(Verdict.OK))
    assert Alert.objects.get().status == "open"


def test_settle_run__drift_that_is_over__asks_for_no_retraining(settle: Settle) -> None:
    settle(4, "ok")
    settle(3, "drift")
    assert not OutboxEvent.objects.filter(topic="drift.retraining_required").exists()
