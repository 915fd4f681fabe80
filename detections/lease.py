"""Keeping a run's lease alive while a worker computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Thread

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from detections.ledger import Claim, renew_lease

log = structlog.get_logger(__name__)


@contextmanager
def kept_lease(claim: Claim) -> Iterator[None]:
    """Renew the lease from a thread of its own until the block ends or the lease is lost.

    A lost lease does not stop the computation: its result is refused when it is written.
    """
    finished = Event()
    context = copy_context()  # the logs' ids
    heartbeat = Thread(target=context.run, args=(_renew_until, claim, finished), name="heartbeat", daemon=True)
    heartbeat.start()
    try:
        yield
    finally:
        finished.set()
        heartbeat.join()


def _renew_until(claim: Claim, finished: Event) -> None:
    try:
        while not finished.wait(settings.ENV.runs.heartbeat_seconds):
            if not _renew(claim):
                log.warning("lease_lost", run_id=str(claim.run_id))
                return
    finally:
        connection.close()


def _renew(claim: Claim) -> bool:
    try:
        return renew_lease(claim)
    except DatabaseError as error:  # the lease is longer than several heartbeats; the next one may succeed
        log.warning("lease_not_renewed", run_id=str(claim.run_id), error=str(error).strip())
        connection.close()
        return True
