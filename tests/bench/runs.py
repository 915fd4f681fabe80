"""What a small run costs: by workers on real servers, and next to its evaluation alone."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection
from django.utils import timezone

from algorithms.methods import Method
from detections.ledger.runs import request_backfill, request_run
from detections.models import DetectionRun
from detections.runs.execution import execute
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.baselines.builds import build_baseline
from monitors.models import Monitor
from tests.bench import windows
from tests.bench.checks import check, fit
from tests.bench.workers import worker
from tests.factories import make_monitor

ROWS, FEATURES, RUNS, ROUNDS = 10_000, 20, 500, 200


def measure_runs(folder: Path) -> Iterator[str]:
    """Lines of Markdown about runs over so many rows and features, each a file that is opened, read and judged."""
    reference, current = (
        windows.write(folder / f"{name}.parquet", ROWS, seed=seed, numbers=FEATURES, texts=0)
        for seed, name in enumerate(("reference", "current"))
    )
    monitor = _watch(reference, current)
    yield f"| run over {ROWS:,} rows × {FEATURES} features | measured | asked for |"
    yield "|---|---|---|"
    evaluation = check(
        fit(reference, is_exact=True), current, *map(Method, monitor.effective_methods)
    )
    alone, service, queries = _compare(monitor, evaluation)
    yield f"| evaluation alone, median | {1e3 * alone:.1f} ms | |"
    yield f"| beyond it, by the service, median | {1e3 * (service - alone):.1f} ms | at most 15 ms |"
    yield f"| statements to the database | {queries} | stated and bounded |"
    with worker("one"):
        one = _throughput(monitor, RUNS)
        with worker("two"):
            two = _throughput(monitor, RUNS)
    yield f"| runs a second, one worker process | {one:.0f} | at least 25 |"
    yield f"| two worker processes | {two:.0f}, {two / one:.2f}× | at least 1.8× |"


def _watch(reference: Path, current: Path) -> Monitor:
    tenant = create_tenant(slug="small-runs", name="Bench")
    with tenant_scope(tenant.id):
        uris = {"reference_data_uri": str(reference), "current_data_uri": str(current)}
        monitor = make_monitor(timestamp_column="", schedule_cron="* * * * *", **uris)
        baseline = monitor.baselines.get()
    build_baseline(tenant_id=tenant.id, baseline_id=baseline.id, worker="worker-1")
    return monitor


def _compare(monitor: Monitor, evaluation: Callable[[], object]) -> tuple[float, float, int]:
    """Median seconds of the evaluation alone and of the whole run, in turn, and the statements of a run."""
    alone, service, statements = [], [], 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*arguments)

    for _ in range(ROUNDS):
        with tenant_scope(monitor.tenant_id):
            run = request_run(monitor=monitor, requested_by="bench")
        alone.append(_seconds(evaluation))
        with connection.execute_wrapper(count):
            service.append(
                _seconds(partial(execute, tenant_id=run.tenant_id, run_id=run.id, worker="bench"))
            )
    return median(alone), median(service), round(statements / ROUNDS)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _throughput(monitor: Monitor, count: int) -> float:
    """Runs a second, from the asking to the end of the last, once the workers are warm."""
    _run_all(monitor, 20)
    return count / _seconds(lambda: _run_all(monitor, count))


def _run_all(monitor: Monitor, count: int) -> None:
    with tenant_scope(monitor.tenant_id):
        first = DetectionRun.objects.filter(trigger="backfill").order_by("scheduled_for").first()
        end = first.scheduled_for if first else timezone.now() - timedelta(days=1)
        start = end - timedelta(minutes=count)
        request_backfill(monitor=monitor, start=start, end=end, requested_by="bench")
    while True:
        with tenant_scope(monitor.tenant_id):
            if not DetectionRun.objects.filter(
                trigger="backfill", finished_at__isnull=True
            ).exists():
                return
        time.sleep(0.05)
