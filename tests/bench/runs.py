"""What a small run costs: by workers on real servers, and next to its evaluation alone."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

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
WIDE_ROWS, WIDE_NUMBERS, WIDE_TEXTS, WIDE_ROUNDS = 100_000, 40, 10, 50


def measure_runs(folder: Path) -> Iterator[str]:
    """Lines of Markdown about runs over so many rows and features, each a file that is opened, read and judged."""
    reference, current = (
        windows.write(folder / f"{name}.parquet", ROWS, seed=seed, numbers=FEATURES, texts=0)
        for seed, name in enumerate(("reference", "current"))
    )
    monitor = _watch("small-runs", reference, current)
    yield f"| run over {ROWS:,} rows × {FEATURES} features | measured | asked for |"
    yield "|---|---|---|"
    evaluation = check(
        fit(reference, is_exact=True), current, *map(Method, monitor.effective_methods)
    )
    alone, service, queries = _compare(monitor, evaluation)
    yield f"| evaluation alone, median | {1e3 * alone:.1f} ms | |"
    yield f"| beyond it, by the service, median | {1e3 * (service - alone):.1f} ms | at most 15 ms |"
    yield f"| statements to the database | {queries} | stated and bounded |"
    yield _pictures("CPU time of a run that keeps its pictures", monitor, ROUNDS)
    yield _pictures(
        f"the same over {WIDE_ROWS:,} rows × {WIDE_NUMBERS + WIDE_TEXTS} features",
        _watch_wide(folder),
        WIDE_ROUNDS,
    )
    with worker("one"):
        one = _throughput(monitor, RUNS)
        with worker("two"):
            two = _throughput(monitor, RUNS)
    yield f"| runs a second, one worker process | {one:.0f} | at least 25 |"
    yield f"| two worker processes | {two:.0f}, {two / one:.2f}× | at least 1.8× |"


def _watch_wide(folder: Path) -> Monitor:
    sides = [
        windows.write(
            folder / f"{name}.parquet", WIDE_ROWS, seed=seed, numbers=WIDE_NUMBERS, texts=WIDE_TEXTS
        )
        for seed, name in enumerate(("wide-reference", "wide-current"))
    ]
    return _watch("wide-runs", *sides)


def _watch(slug: str, reference: Path, current: Path) -> Monitor:
    tenant = create_tenant(slug=slug, name="Bench")
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
        work = _new_run(monitor)
        alone.append(_seconds(evaluation))
        with connection.execute_wrapper(count):
            service.append(_seconds(work))
    return median(alone), median(service), round(statements / ROUNDS)


def _new_run(monitor: Monitor) -> Callable[[], None]:
    """The execution of a run that has been asked for."""
    with tenant_scope(monitor.tenant_id):
        run = request_run(monitor=monitor, requested_by="bench")
    return partial(execute, tenant_id=run.tenant_id, run_id=run.id, worker="bench")


def _pictures(name: str, monitor: Monitor, rounds: int) -> str:
    """A line about the CPU time of runs with pictures and without, in turn."""
    kept, none = [], []
    for _ in range(rounds + 1):
        kept.append(_cpu_seconds(_new_run(monitor)))
        with patch("detections.evaluation.run.Drawing", lambda **_: None):
            none.append(_cpu_seconds(_new_run(monitor)))
    with_pictures, without = median(kept[1:]), median(none[1:])
    more = 100 * (with_pictures / without - 1)
    shown = f"{1e3 * with_pictures:.1f} ms, {more:.1f} % more than without"
    return f"| {name}, median | {shown} | at most 5 % |"


def _cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


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
