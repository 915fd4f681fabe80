"""Windows whose labels come late: a follow-up is written once, left alone until they are due, and measures again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.test import APIClient
from sklearn.metrics import accuracy_score

from algorithms.verdicts import Verdict
from detections.ledger import follow_ups
from detections.models import Detection, DetectionRun, OutcomeStream
from detections.outcomes.outcome_tables import rows_from_json
from detections.outcomes.services import accept_outcomes
from detections.runs.completion import complete_run
from detections.runs.execution import execute
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.conftest import connected_as, role_url
from tests.data import TIMESTAMPS
from tests.detections.prediction_tables import classified, details, run_week, watch
from tests.drift_detector.samples import sample
from tests.factories import (
    WEEK,
    expire_lease,
    make_flights_monitor,
    make_monitor,
    make_run,
    plain_result,
    rows_of,
    take,
)
from tests.tasks.test_reconciler import times_enqueued

LIMITS = {"accuracy": {"relative": 0.05}}
DUE = timezone.now().replace(microsecond=0) + timedelta(hours=1)
HOUR = timedelta(hours=1)


def delay_of(week: int) -> timedelta:
    """With it, the labels of this week are due in an hour."""
    return DUE - TIMESTAMPS[week] - WEEK


@pytest.fixture
def unlabelled(in_tenant: Tenant, flights: Path) -> Monitor:
    """Labels of the reference are known, those of weeks 2 and 3 are still to come; nothing is compared but distance."""
    tables = {week: classified(week, labels=week < 2) for week in range(4)}
    return watch(
        flights, tables, score_column="score", performance_limits=LIMITS, label_delay=delay_of(2)
    )


@pytest.fixture
def bare(in_tenant: Tenant) -> Monitor:
    """A monitor without data whose labels of week 2 are due in an hour."""
    return make_monitor(label_delay=delay_of(2), performance_limits=LIMITS)


def settle(run: DetectionRun, verdict: Verdict = Verdict.OK) -> DetectionRun:
    assert complete_run(take(run), plain_result(verdict))
    return run


def follow_up_of(run: DetectionRun) -> DetectionRun:
    return DetectionRun.objects.get(trigger="labels", window_end=run.window_end)


def labels_come(flights: Path, *weeks: int, wrong: bool = False) -> None:
    for week in weeks:
        table = classified(week)
        if wrong:
            label = pa.array(1 - table["prediction"].to_numpy())
            table = table.set_column(table.column_names.index("label"), "label", label)
        pq.write_table(table, flights / f"week{week}.parquet")


def follow_up(run: DetectionRun) -> DetectionRun:
    """Let the time of a run's labels come, and its follow-up be made."""
    DetectionRun.objects.filter(id=(later := follow_up_of(run)).id).update(
        not_before=timezone.now() - HOUR
    )
    assert follow_ups.queue_due() == 1
    execute(tenant_id=run.tenant_id, run_id=later.id, worker="w")
    later.refresh_from_db()
    return later


def test_settle_run__labels_to_come__writes_a_follow_up_that_waits(bare: Monitor) -> None:
    run = settle(make_run(bare, week=2))
    (later,) = DetectionRun.objects.exclude(id=run.id)
    assert (later.trigger, later.status, later.attempt) == ("labels", "waiting", 0)
    assert (later.window_start, later.window_end) == (run.window_start, run.window_end)
    assert later.not_before == later.scheduled_for == DUE
    assert later.baseline_id == DetectionRun.objects.get(id=run.id).baseline_id


def test_settle_run__late_worker_or_another_run_over_the_window__writes_no_second(
    bare: Monitor,
) -> None:
    run = make_run(bare, week=2)
    slow = take(run, "A")
    expire_lease(run)
    settle(run)
    assert complete_run(slow, plain_result(Verdict.OK)) is False
    settle(make_run(bare, week=2, trigger="backfill", scheduled_for=TIMESTAMPS[0]))
    assert DetectionRun.objects.filter(trigger="labels").count() == 1


@pytest.mark.parametrize("trigger", ["schedule", "backfill"])
def test_settle_run__labels_due_before_the_window_was_read__has_measured_them(
    bare: Monitor, trigger: str
) -> None:
    Monitor.objects.filter(id=bare.id).update(label_delay=delay_of(2) - HOUR - timedelta(minutes=1))
    settle(make_run(bare, week=2, trigger=trigger))
    assert not DetectionRun.objects.filter(trigger="labels").exists()


def test_settle_run__labels_due_while_it_ran__follows_up_at_once(bare: Monitor) -> None:
    run = make_run(bare, week=2)
    claim = take(run)
    DetectionRun.objects.filter(id=run.id).update(started_at=timezone.now() - HOUR)
    Monitor.objects.filter(id=bare.id).update(label_delay=delay_of(2) - HOUR - timedelta(minutes=1))
    complete_run(claim, plain_result(Verdict.OK))
    assert follow_ups.queue_due() == 1


@pytest.mark.parametrize(
    ("fields", "trigger"),
    [({"label_delay": None}, "schedule"), ({"performance_limits": {}}, "schedule"), ({}, "manual")],
)
def test_settle_run__no_delay_or_no_limits_or_asked_for__writes_none(
    bare: Monitor, fields: dict[str, Any], trigger: str
) -> None:
    Monitor.objects.filter(id=bare.id).update(**fields)
    settle(make_run(bare, week=2, trigger=trigger))
    assert DetectionRun.objects.count() == 1


@pytest.mark.parametrize("verdict", ["no_data", "error"])
def test_settle_run__window_could_not_be_judged__is_followed_up_nevertheless(
    bare: Monitor, verdict: str
) -> None:
    assert follow_up_of(settle(make_run(bare, week=2), Verdict(verdict))).status == "waiting"


def test_make_run__tick_at_the_moment_when_labels_are_due__is_a_run_of_its_own(
    bare: Monitor,
) -> None:
    settle(make_run(bare, week=2))
    make_run(bare, week=2, scheduled_for=DUE)
    assert DetectionRun.objects.filter(scheduled_for=DUE).count() == 2
    with pytest.raises(IntegrityError, match="run_once_per_tick"), transaction.atomic():
        make_run(bare, week=3, scheduled_for=DUE)
    with pytest.raises(IntegrityError, match="run_followed_once_per_window"), transaction.atomic():
        make_run(bare, week=2, trigger="labels", scheduled_for=TIMESTAMPS[0])


def test_queue_due__not_due_or_paused__goes_on_waiting(bare: Monitor) -> None:
    later = follow_up_of(settle(make_run(bare, week=2)))
    assert follow_ups.queue_due() == 0
    DetectionRun.objects.filter(id=later.id).update(not_before=timezone.now())
    Monitor.objects.filter(id=bare.id).update(status="paused")
    assert follow_ups.queue_due() == 0
    Monitor.objects.filter(id=bare.id).update(status="active")
    assert (follow_ups.queue_due(), follow_ups.queue_due()) == (1, 0)


def test_reconcile__due_and_not_due__enqueues_the_due_and_counts_the_other_nowhere(
    committed_tenant: Tenant, empty_broker: None
) -> None:
    from tasks.reconciler import reconcile

    with tenant_scope(committed_tenant.id):
        monitor = make_monitor(label_delay=delay_of(2), performance_limits=LIMITS)
        due, later = (follow_up_of(settle(make_run(monitor, week=week))) for week in (2, 3))
        long_ago = timezone.now() - timedelta(days=9)
        DetectionRun.objects.filter(id__in=[due.id, later.id]).update(created_at=long_ago)
        DetectionRun.objects.filter(id=due.id).update(
            not_before=timezone.now() - timedelta(minutes=5)
        )
    with connected_as(role_url("scheduler")):
        reconcile()
    assert (times_enqueued(due.id), times_enqueued(later.id)) == (1, 0)
    assert sample("drift_runs_unfinished", status="queued") == 1
    assert sample("drift_queue_oldest_seconds") == 0  # it may wait behind a backfill
    assert rows_of(monitor.tenant_id, "SELECT status FROM drf_runs WHERE id = %s", later.id) == [
        ("waiting",)
    ]


def test_claim_run__follow_up__has_waited_since_it_was_due(bare: Monitor) -> None:
    later = follow_up_of(settle(make_run(bare, week=2)))
    now = timezone.now()
    times = {"created_at": now - timedelta(days=9), "scheduled_for": now, "not_before": now - HOUR}
    DetectionRun.objects.filter(id=later.id).update(**times)
    follow_ups.queue_due()
    before = sample("drift_run_wait_seconds_sum")
    take(later)
    assert sample("drift_run_wait_seconds_sum") - before < 60


def test_execute__labels_have_come__are_measured_beside_the_estimate(
    unlabelled: Monitor, flights: Path
) -> None:
    early = run_week(unlabelled, 2)
    estimate = details(early, "estimated_performance")["accuracy"]["statistic"]
    labels_come(flights, 2)
    later, table = follow_up(early), classified(2)
    found = details(later, "performance")["accuracy"]
    assert (later.status, later.verdict, later.rows) == ("succeeded", "ok", table.num_rows)
    assert found["statistic"] == pytest.approx(accuracy_score(table["label"], table["prediction"]))
    assert found["explanation"]["estimated"]["value"] == estimate


def test_execute__some_rows_without_a_prediction__are_read_but_not_judged(
    unlabelled: Monitor, flights: Path
) -> None:
    early, table = run_week(unlabelled, 2), classified(2)
    known = pa.array(
        [n if row % 4 else None for row, n in enumerate(table["prediction"].to_pylist())]
    )
    place = table.column_names.index("prediction")
    pq.write_table(table.set_column(place, "prediction", known), flights / "week2.parquet")
    (flights / "week2.parquet.tmp").touch()
    later = follow_up(early)
    assert (later.verdict, later.rows, later.rows_read, later.files_read) == ("ok", 1500, 2000, 1)
    assert [each["file"] for each in later.files_skipped] == ["week2.parquet.tmp"]
    assert later.reason.startswith("1 of 5 files was skipped: ‘week2.parquet.tmp’")


def test_execute__file_half_written_when_labels_are_due__is_tried_again(
    unlabelled: Monitor, flights: Path
) -> None:
    early = run_week(unlabelled, 2)
    labels_come(flights, 2)
    whole = (flights / "week2.parquet").read_bytes()
    (flights / "week2.parquet").write_bytes(whole[:-9])
    later = follow_up(early)
    assert (later.status, later.rows_read, later.files_read) == ("queued", None, None)
    assert "‘week2.parquet’ cannot be read: it is cut short" in later.reason


def test_execute__follow_up__repeats_nothing_and_feeds_no_detector(
    unlabelled: Monitor, flights: Path
) -> None:
    Monitor.objects.filter(id=unlabelled.id).update(concept_methods=["adwin"], seasonal_weeks=1)
    early = run_week(unlabelled, 2)
    streams = list(OutcomeStream.objects.values_list("sequence", "read_until"))
    labels_come(flights, 2)
    later = follow_up(early)
    assert list(Detection.objects.filter(run=later).values_list("method", flat=True)) == [
        "performance"
    ]
    assert list(OutcomeStream.objects.values_list("sequence", "read_until")) == streams
    assert DetectionRun.objects.filter(trigger="labels").count() == 1


def test_execute__labels_have_not_come__says_so_in_each_metric(unlabelled: Monitor) -> None:
    early = run_week(unlabelled, 2)
    estimate = details(early, "estimated_performance")["accuracy"]["statistic"]
    later = follow_up(early)
    reason = "Labels are due, but no label has come for the 2,000 predictions of the window."
    assert (later.status, later.verdict) == ("succeeded", "insufficient_data")
    assert later.reason == f"performance: accuracy: {reason}"
    found = details(later, "performance")["accuracy"]
    assert (found["verdict"], found["n_current"], found["reason"]) == (
        "insufficient_data",
        0,
        reason,
    )
    assert found["explanation"]["estimated"]["value"] == estimate


@pytest.mark.parametrize(
    ("rows", "verdict", "reason"),
    [
        (0, "no_data", "The window holds no row."),
        (9, "insufficient_data", "performance: accuracy: No row of the window has a prediction."),
    ],
)
def test_execute__no_prediction_left_when_labels_are_due__says_so(
    unlabelled: Monitor, flights: Path, rows: int, verdict: str, reason: str
) -> None:
    early, table = run_week(unlabelled, 2), classified(2).slice(0, rows)
    nulls = pa.nulls(rows, pa.int64())
    place = table.column_names.index("prediction")
    pq.write_table(table.set_column(place, "prediction", nulls), flights / "week2.parquet")
    later = follow_up(early)
    assert (later.verdict, later.reason, later.rows_read) == (verdict, reason, rows)


def test_execute__limits_are_gone__says_so(unlabelled: Monitor) -> None:
    early = run_week(unlabelled, 2)
    Monitor.objects.filter(id=unlabelled.id).update(performance_limits={})
    later = follow_up(early)
    assert (later.verdict, later.reason) == (
        "no_data",
        "The monitor has no limits on performance any more.",
    )


@pytest.mark.parametrize(
    "change", [{"prediction_column": "guess"}, {"current_data_uri": "/elsewhere"}]
)
def test_execute__answers_cannot_be_read__fails_without_a_detection(
    unlabelled: Monitor, change: dict[str, str]
) -> None:
    early = run_week(unlabelled, 2)
    Monitor.objects.filter(id=unlabelled.id).update(**change)
    later = follow_up(early)
    assert (later.status, later.verdict) == ("failed", "error")
    assert later.reason
    assert not Detection.objects.filter(run=later).exists()


def test_execute__new_baseline_meanwhile__is_judged_by_the_one_before(
    unlabelled: Monitor, flights: Path
) -> None:
    from monitors.baselines.builds import build_baseline, request_baseline

    early = run_week(unlabelled, 2)
    build_baseline(
        tenant_id=unlabelled.tenant_id,
        baseline_id=request_baseline(monitor=unlabelled).id,
        worker="worker-1",
    )
    labels_come(flights, 2)
    assert follow_up(early).baseline_id == early.baseline_id


def test_execute__outcomes_that_are_sent__are_measured_when_due(
    in_tenant: Tenant, flights: Path
) -> None:
    limits = {"accuracy": {"minimum": 0.9}}
    monitor = make_flights_monitor(
        flights, feature_columns=["distance"], performance_limits=limits, label_delay=delay_of(2)
    )
    early, inside = run_week(monitor, 2), TIMESTAMPS[2] + timedelta(days=1)
    assert not Detection.objects.filter(run=early, detection_type="performance").exists()
    outcomes = [
        {"occurred_at": inside.isoformat(), "prediction": 1, "label": n % 5 > 0} for n in range(200)
    ]
    accept_outcomes(monitor=monitor, stream="default", batch_id="a", rows=rows_from_json(outcomes))
    later = follow_up(early)
    found = details(later, "performance")["accuracy"]
    assert (found["statistic"], found["n_current"], found["verdict"]) == (0.8, 200, "drift")
    assert (later.rows, later.rows_read, later.files_read) == (200, 200, None)


def test_execute__no_outcomes_were_sent__is_no_data(in_tenant: Tenant, flights: Path) -> None:
    monitor = make_flights_monitor(
        flights, feature_columns=["distance"], performance_limits=LIMITS, label_delay=delay_of(2)
    )
    later = follow_up(run_week(monitor, 2))
    assert (later.status, later.verdict) == ("succeeded", "no_data")
    assert later.reason == "No outcomes were sent for this window."


def test_runs__by_trigger__has_the_follow_up_for_its_tenant_alone(
    unlabelled: Monitor, api: APIClient, other_api: APIClient
) -> None:
    run_week(unlabelled, 2)
    (found,) = api.get("/api/v1/runs?trigger=labels&status=waiting").json()["results"]
    assert (found["monitor_id"], found["not_before"]) == (
        str(unlabelled.id),
        DUE.isoformat().replace("+00:00", "Z"),
    )
    assert other_api.get("/api/v1/runs?trigger=labels").json()["results"] == []
