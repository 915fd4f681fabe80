"""Rows that tests start from, and ways to look at the database, Valkey and the broker from outside."""

import base64
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pyarrow as pa
import redis
from django.db import connection
from django.utils import timezone

from alerts.models import Document
from algorithms.columns import FeatureKind
from algorithms.method_results import FeatureDetail, MethodResult
from algorithms.methods import Method
from algorithms.verdicts import Severity, Verdict
from detections.ledger import runs as ledger
from detections.ledger.runs import Claim
from detections.models import Backtest, Detection, DetectionRun, LabelAudit
from detections.results import RunResult
from drift_detector.celery import Priority
from drift_detector.tenancy.scope import tenant_scope
from monitors import services as monitors
from monitors.bad_windows.services import mark_bad
from monitors.baselines import builds
from monitors.jobs import services as jobs
from monitors.models import BadWindow, Job, Monitor
from monitors.sources import table_to_bytes
from tests.conftest import role_url
from tests.data import TIMESTAMPS

WEEK = timedelta(weeks=1)
TOLERANCE = 0.1


def make_monitor(**fields: Any) -> Monitor:
    """A weekly monitor of the current tenant whose data is nowhere."""
    values: dict[str, Any] = {
        "name": f"Monitor {uuid4()}",
        "model_id": uuid4(),
        "reference_data_uri": "/nowhere/reference",
        "current_data_uri": "/nowhere/current",
        "timestamp_column": "departs_at",
        "window": WEEK,
        "schedule_cron": "0 0 * * 1",
        "methods": ["ks", "psi", "chi_squared"],
        "min_rows": 50,
        # One run each: what these tests are about seldom is how many it takes.
        "open_after": {severity: {"runs": 1, "of": 1} for severity in ("warning", "critical")},
        "resolve_after": 1,
    }
    return monitors.create_monitor(created_by="key:test", **values | fields)


def make_flights_monitor(flights: Path, **fields: Any) -> Monitor:
    """A monitor of the `flights` folder with its baseline of the first two weeks."""
    values: dict[str, Any] = {
        "reference_data_uri": str(flights),
        "reference_start": TIMESTAMPS[0],
        "reference_end": TIMESTAMPS[2],
        "current_data_uri": str(flights),
    }
    monitor = make_monitor(**values | fields)
    builds.build_baseline(
        tenant_id=monitor.tenant_id, baseline_id=monitor.baselines.get().id, worker="worker-1"
    )
    return monitor


def make_run(monitor: Monitor, *, week: int = 3, **fields: Any) -> DetectionRun:
    """A queued run over one week of `flights`."""
    start = TIMESTAMPS[0] + week * WEEK
    values: dict[str, Any] = {
        "trigger": "schedule",
        "scheduled_for": start + WEEK,
        "window_start": start,
        "window_end": start + WEEK,
    }
    return DetectionRun.objects.create(
        tenant_id=monitor.tenant_id, monitor=monitor, **values | fields
    )


def make_finished_run(monitor: Monitor, verdict: str = "ok", **fields: Any) -> DetectionRun:
    """A run that has ended."""
    status = "failed" if verdict == "error" else "succeeded"
    values: dict[str, Any] = {
        "status": status,
        "verdict": verdict,
        "finished_at": timezone.now(),
        "rows": 10,
    }
    values["scheduled_for"] = TIMESTAMPS[0] + DetectionRun.objects.count() * WEEK
    return make_run(monitor, **values | fields)


def make_detection(
    run: DetectionRun, method: str = "ks", verdict: str = "ok", **fields: Any
) -> Detection:
    values: dict[str, Any] = {
        "monitor_id": run.monitor_id,
        "method": method,
        "verdict": verdict,
        "is_drifted": verdict == "drift",
        "window_start": run.window_start,
        "window_end": run.window_end,
        "details": [{"feature": "delay"}],
    }
    return Detection.objects.create(tenant_id=run.tenant_id, run=run, **values | fields)


def make_backtest(monitor: Monitor, *, weeks: tuple[int, int] = (2, 4), **fields: Any) -> Backtest:
    """A backtest that nobody works on yet, over the ticks that read these weeks of `flights`; the last not included."""
    start, end = (TIMESTAMPS[0] + (week + 1) * WEEK for week in weeks)
    baseline = monitor.baselines.defer("content").first()
    values: dict[str, Any] = {
        "baseline": baseline,
        "requested_by": "key:test",
        "start": start,
        "end": end,
    }
    return Backtest.objects.create(tenant_id=monitor.tenant_id, monitor=monitor, **values | fields)


def make_bad_window(monitor: Monitor) -> BadWindow:
    """The first day of `flights`, marked as bad by a key."""
    start = TIMESTAMPS[0]
    end = start + timedelta(days=1)
    return mark_bad(monitor=monitor, start=start, end=end, reason="", by="key:test")


def make_label_audit(monitor: Monitor) -> LabelAudit:
    """Three rows of a week of a thousand, with predictions that are numbers."""
    start = TIMESTAMPS[2]
    drawn = pa.table(
        {
            "occurred_at": [str(start)] * 3,
            "prediction": [1, 0, 1],
            "feature:distance": [1.0, 2.0, 3.0],
        }
    )
    return LabelAudit.objects.create(
        tenant_id=monitor.tenant_id,
        monitor=monitor,
        window_start=start,
        window_end=start + WEEK,
        kind=LabelAudit.Kind.CLASSIFICATION,
        population=1000,
        rows=drawn.num_rows,
        seed=1,
        drawn=table_to_bytes(drawn),
        created_by="key:test",
    )


def make_document(monitor: Monitor) -> Document:
    """A document that was applied, and that owns a monitor."""
    document = Document.objects.create(
        tenant_id=monitor.tenant_id,
        name=f"document of {monitor.name}",
        model_id=monitor.model_id,
        content_hash="0" * 64,
        applied_at=timezone.now(),
        applied_by="key:test",
    )
    document.objects_owned.create(
        tenant_id=monitor.tenant_id,
        kind="monitor",
        object_id=monitor.id,
        settings={"name": monitor.name},
    )
    return document


def make_job(flights: Path, **fields: Any) -> Job:
    """A job of the current tenant that nobody works on yet: a preview of a monitor of `flights`."""
    asked = {
        "name": "Flights",
        "model_id": str(uuid4()),
        "reference_data_uri": str(flights),
        "current_data_uri": str(flights),
        "timestamp_column": "departs_at",
    }
    values: dict[str, Any] = {"kind": Job.Kind.PREVIEW, "fields": asked, "requested_by": "key:test"}
    return jobs.request_job(**values | fields)


def take(run: DetectionRun, worker: str = "worker-1") -> Claim:
    """A worker's claim of a run that is there to be taken."""
    claim = ledger.claim_run(tenant_id=run.tenant_id, run_id=run.id, worker=worker)
    assert claim is not None
    return claim


def expire_lease(run: DetectionRun) -> None:
    """As if the worker had been silent for a minute longer than its lease."""
    with tenant_scope(run.tenant_id):
        DetectionRun.objects.filter(id=run.id).update(
            lease_expires_at=timezone.now() - timedelta(minutes=1)
        )


def drift_result(
    severity: Severity = Severity.WARNING, *features: str, baseline_id: UUID | None = None
) -> RunResult:
    """What a run over drifted data ends with: KS saw the features move."""
    details = tuple(
        FeatureDetail(
            feature=feature,
            kind=FeatureKind.NUMERIC,
            verdict=Verdict.DRIFT,
            severity=severity,
            statistic=0.3 - 0.01 * rank,
            p_value=1e-9,
            p_adjusted=1e-9,
            effect_size=0.3 - 0.01 * rank,
            threshold=0.05,
            tolerance=TOLERANCE,
            scale=TOLERANCE,
        )
        for rank, feature in enumerate(features or ("delay",))
    )
    method = MethodResult(
        method=Method.KS,
        verdict=Verdict.DRIFT,
        is_drifted=True,
        severity=severity,
        worst_feature=details[0].feature,
        statistic=0.3,
        threshold=0.05,
        p_value=1e-9,
        effect_size=0.3,
        details=details,
    )
    return RunResult(verdict=Verdict.DRIFT, rows=2000, baseline_id=baseline_id, methods=(method,))


def plain_result(verdict: Verdict) -> RunResult:
    """What a run ends with that found no drift."""
    return RunResult(verdict=verdict, rows=2000)


def at_once[T](*calls: Callable[[], T]) -> list[T]:
    """What the calls return, each made in a thread and on a connection of its own, all at the same moment."""
    start = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(10)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(60) for future in [pool.submit(run, call) for call in calls]]


def eventually[T](look: Callable[[], T], *, seconds: float = 180) -> T:
    """The first thing that `look` returns that is true; the limit is for what hangs, and a loaded machine is slow."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def rows_of(
    tenant_id: UUID, query: str, *parameters: Any, role: str = "owner"
) -> list[tuple[Any, ...]]:
    """What the database itself holds of a tenant, read on a connection that is not Django's."""
    with psycopg.connect(role_url(role)) as database:
        database.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
        return database.execute(query, parameters).fetchall()


def wake_ups(task: str) -> list[dict[str, str]]:
    """The arguments of the task's messages that wait in Valkey, in the order in which Celery's workers get them."""
    with redis.Redis.from_url(os.environ["AUMOS_DRIFT_REDIS__URL"]) as client:
        queues = ["celery", *(f"celery\x06\x16{line}" for line in Priority)]  # kombu's, by priority
        messages = [
            json.loads(message) for queue in queues for message in client.lrange(queue, 0, -1)[::-1]
        ]
    bodies = [
        json.loads(base64.b64decode(each["body"]))
        for each in messages
        if each["headers"]["task"] == task
    ]
    return [keyword for _, keyword, _ in bodies]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
