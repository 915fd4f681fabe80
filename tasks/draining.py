"""A worker that is told to stop finishes what it has begun, for a while; the rest it hands back at once."""

from threading import Thread
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import structlog
from celery.signals import worker_ready, worker_shutting_down
from celery.worker import state
from django.db import DatabaseError, connection

from detections import dispatch, ledger

log = structlog.get_logger(__name__)

# Celery gives a killed child ten seconds until it believes it to be lost; the sum is to be less than thirty.
DRAIN_SECONDS = 15.0
POLL_SECONDS = 0.1


@worker_ready.connect
def prepare_draining(sender: Any, **_: Any) -> None:
    """Stand by for the signal to stop, which does not say whose pool it means."""

    def drain(how: str, **_: Any) -> None:
        if how == "Warm":
            Thread(target=_drain, args=(sender.pool, str(sender.hostname)), name="drain", daemon=True).start()

    worker_shutting_down.connect(drain, weak=False)


def _drain(pool: Any, worker: str) -> None:
    """Wait for the tasks at work, then give the ledger back what is left of them, and end their processes."""
    until = monotonic() + DRAIN_SECONDS
    while state.active_requests and monotonic() < until:
        sleep(POLL_SECONDS)
    for request in list(state.active_requests):
        if request.name == dispatch.EXECUTE_TASK:
            _hand_back(request.kwargs, worker)
        request.terminate(pool, signal="KILL")
    connection.close()


def _hand_back(ids: dict[str, str], worker: str) -> None:
    try:
        ledger.hand_back(tenant_id=UUID(ids["tenant_id"]), run_id=UUID(ids["run_id"]), worker=worker)
    except DatabaseError as error:  # the lease runs out, as that of a worker that was killed
        log.warning("run_not_handed_back", error=str(error).strip(), **ids)
