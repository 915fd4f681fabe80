"""A ledger of ten million runs: how long what people and workers ask of it takes."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
import psycopg
from django.db import connection, transaction
from django.utils import timezone

from alerts.dashboard import get_dashboard
from detections.ledger import runs as ledger
from detections.ledger.dispatch import enqueue_due
from detections.ledger.old_runs import old_runs
from detections.models import DetectionRun
from detections.runs.selectors import list_runs
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.models import Baseline, Monitor
from tasks import reconciler
from tests.bench.population import fill_ledger, queue_runs
from tests.conftest import connected_as
from tests.factories import make_monitor

TENANTS, MONITORS, DAYS, ROUNDS = 10, 100, 400, 100
QUEUED_EACH = 1000


def measure_ledger(runs: int) -> Iterator[str]:
    """Lines of Markdown; filling the ledger takes some minutes."""
    connection.settings_dict["OPTIONS"].pop("pool", None)
    began = time.perf_counter()
    monitors = _fill(runs)
    filled = time.perf_counter() - began
    yield f"| asked of a ledger of {runs:,} runs, {MONITORS} monitors a tenant | p50 | p95 | asked for |"
    yield "|---|---|---|---|"
    of_tenant: dict[str, Callable[[Monitor], object]] = {
        "the newest 50 runs of a tenant": lambda monitor: list(list_runs()[:50]),
        "of a monitor": lambda monitor: list(list_runs().filter(monitor=monitor)[:50]),
        "its drifted ones": lambda monitor: list(
            list_runs().filter(monitor=monitor, verdict="drift")[:50]
        ),
        "its skipped ticks": lambda monitor: list(
            list_runs().filter(monitor=monitor, status="skipped")[:50]
        ),
        "the dashboard of 7 days": lambda monitor: get_dashboard(days=7),
        "asking for a run, claiming and ending it": _make_run,
        "waking a tenant's next": lambda monitor: enqueue_due(monitor.tenant_id),
    }
    for name, work in of_tenant.items():
        yield _line(
            name, [_in_tenant(work, monitors[each % len(monitors)]) for each in range(ROUNDS)]
        )
    of_all: dict[str, Callable[[], object]] = {
        "a reconciler's round": reconciler.reconcile, "waking all tenants' next": enqueue_due,
    }  # fmt: skip
    with connected_as(os.environ["DRIFT_SCHEDULER_URL"]):
        for name, round_ in of_all.items():
            yield _line(name, [_seconds(round_) for _ in range(ROUNDS)])
        _queue(monitors)
        name = f"the same while {QUEUED_EACH * len(monitors):,} backfills wait"
        yield _line(name, [_seconds(enqueue_due) for _ in range(ROUNDS)])
        removed, spent = _remove()
    yield ""
    yield f"Filled in {filled:.0f} s. Retention removes {removed / spent:,.0f} runs without detections a second."


def _fill(runs: int) -> list[Monitor]:
    monitors = []
    with psycopg.connect(os.environ["DRIFT_OWNER_URL"], autocommit=True) as owner:
        for number in range(TENANTS):
            tenant = create_tenant(slug=f"ledger-{number}", name="Bench")
            with tenant_scope(tenant.id):
                monitors += [make_monitor() for _ in range(MONITORS)]
                Baseline.objects.update(status=Baseline.Status.FAILED)  # nobody is to build them
            fill_ledger(owner, tenant.id, each=runs // TENANTS // MONITORS, days=DAYS)
        owner.execute("VACUUM ANALYZE drf_runs")
    return monitors


def _queue(monitors: list[Monitor]) -> None:
    with psycopg.connect(os.environ["DRIFT_OWNER_URL"], autocommit=True) as owner:
        for tenant_id in {monitor.tenant_id for monitor in monitors}:
            queue_runs(owner, tenant_id, each=QUEUED_EACH)


def _make_run(monitor: Monitor) -> None:
    run = ledger.request_run(monitor=monitor, requested_by="bench")
    claim = ledger.claim_run(tenant_id=run.tenant_id, run_id=run.id, worker="bench")
    if claim is None or not ledger.finish_run(
        claim,
        status=DetectionRun.Status.SUCCEEDED,
        verdict="ok",
        reason="",
        rows=1,
        baseline_id=None,
    ):
        raise RuntimeError("the run was not to be had")


def _in_tenant(work: Callable[[Monitor], object], monitor: Monitor) -> float:
    def scoped() -> None:
        with tenant_scope(monitor.tenant_id):
            work(monitor)

    return _seconds(scoped)


def _remove() -> tuple[int, float]:
    began, removed = time.perf_counter(), 0
    before = timezone.now() - timedelta(days=DAYS - 10)
    for _ in range(20):
        with transaction.atomic():
            removed += old_runs.step(before) or 0
    return removed, time.perf_counter() - began


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _line(name: str, seconds: list[float]) -> str:
    middle, late = np.percentile(seconds, [50, 95]) * 1e3
    return f"| {name} | {middle:.1f} ms | {late:.1f} ms | 50 ms at p95 |"
