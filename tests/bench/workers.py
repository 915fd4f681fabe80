"""A large window counted by one worker process and by two: real servers, real workers, runs asked for as by the API."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from detections.ledger.runs import request_run
from detections.models import DetectionRun
from drift_detector.celery import app
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.baselines.builds import build_baseline
from monitors.models import Monitor
from tests.bench.timing import Row
from tests.factories import make_monitor

ROUNDS = 5
FILES = 24


def fan_out(reference: Path, current: Path) -> Row:
    """The time from asking for a run over many files to its end."""
    folder = current.parent / "many"
    folder.mkdir()
    for each in range(FILES):
        (folder / f"{each}.parquet").hardlink_to(current)
    monitor = _watch(reference, folder)
    check = partial(_seconds_of_a_run, monitor)
    with ExitStack() as workers:
        workers.enter_context(worker("one"))
        alone = _measure(check)
        workers.enter_context(worker("two"))
        together = _measure(check)
    return Row(
        work=f"a run over {FILES} such files, streamed, by 2 worker processes; peer: by 1",
        ours=together, peer=alone, least=1.7, reach=1.9,
    )  # fmt: skip


def _watch(reference: Path, folder: Path) -> Monitor:
    tenant = create_tenant(slug="bench", name="Bench")
    uris = {"reference_data_uri": str(reference), "current_data_uri": str(folder)}
    with tenant_scope(tenant.id):
        monitor = make_monitor(timestamp_column="", **uris)
        baseline = monitor.baselines.get()
    build_baseline(tenant_id=tenant.id, baseline_id=baseline.id, worker="worker-1")
    return monitor


def _measure(check: Callable[[], float]) -> float:
    check()  # the worker starts, and decodes the baseline
    return median(check() for _ in range(ROUNDS))


def _seconds_of_a_run(monitor: Monitor) -> float:
    began = time.perf_counter()
    with tenant_scope(monitor.tenant_id):
        run = request_run(monitor=monitor, requested_by="bench")
    while not run.is_finished:
        time.sleep(0.1)
        with tenant_scope(monitor.tenant_id):
            run = DetectionRun.objects.get(id=run.id)
    if run.status != DetectionRun.Status.SUCCEEDED:
        raise RuntimeError(run.reason)
    return time.perf_counter() - began


@contextmanager
def worker(name: str) -> Iterator[None]:
    """A worker process of one child, with this name, that takes work by now."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "-A",
        "drift_detector",
        "worker",
        "--concurrency",
        "1",
    ]
    process = subprocess.Popen([*command, "--hostname", f"{name}@bench", "--loglevel", "ERROR"])
    try:
        while not app.control.ping([f"{name}@bench"], timeout=1):
            if process.poll() is not None:
                raise RuntimeError(f"The worker {name} ended with {process.returncode}.")
        yield
    finally:
        process.terminate()
        process.wait()
