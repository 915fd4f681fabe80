"""Stops a worker gracefully: it releases waiting work at once, and finishes what it has begun within a limit."""

from collections.abc import Callable
from threading import Thread
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import structlog
from celery.signals import worker_ready, worker_shutting_down
from celery.worker import state
from django.conf import settings
from django.db import DatabaseError, connection

from detections.backtests import services as backtests
from detections.evaluation import fan_out
from detections.ledger import dispatch
from detections.ledger import runs as ledger
from detections.reports import services as reports
from monitors.baselines import builds
from monitors.jobs import services as jobs

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.1

RELEASE: dict[str, Callable[..., None]] = {
    dispatch.EXECUTE_TASK: ledger.release_run,
    fan_out.HELP_TASK: ledger.release_parts,
    builds.BUILD_TASK: builds.release_build,
    jobs.JOB_TASK: jobs.release_job,
    backtests.BACKTEST_TASK: backtests.release_backtest,
    reports.REPORT_TASK: reports.release_report,
}


@worker_ready.connect
def prepare_draining(sender: Any, **_: Any) -> None:
    """Stand by for the signal to stop, which does not say whose pool it means."""

    def drain(how: str, **_: Any) -> None:
        if how == "Warm":
            Thread(
                target=_drain, args=(sender.pool, str(sender.hostname)), name="drain", daemon=True
            ).start()

    worker_shutting_down.connect(drain, weak=False)


def _drain(pool: Any, worker: str) -> None:
    """Wait for the tasks at work, then hand back what is left of them, and end their processes.

    Celery gives a killed process ten seconds more until it believes it to be lost.
    """
    until = monotonic() + settings.ENV.runs.drain_seconds
    while state.active_requests and monotonic() < until:
        sleep(POLL_SECONDS)
    for request in list(state.active_requests):
        if release := RELEASE.get(request.name):
            _try(release, request.kwargs, worker)
        request.terminate(pool, signal="KILL")
    connection.close()


def _try(release: Callable[..., None], ids: dict[str, str], worker: str) -> None:
    try:
        release(worker=worker, **{name: UUID(value) for name, value in ids.items()})
    except DatabaseError as error:  # the lease runs out, as that of a worker that was killed
        log.warning("not_released", error=str(error).strip(), **ids)
