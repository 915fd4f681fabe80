"""A lease on a piece of work: how long it lasts, and keeping it alive while a worker computes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import timedelta
from threading import Event, Thread

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from drift_detector.observability.metrics import count_lease_losses

log = structlog.get_logger(__name__)


def lease_time() -> timedelta:
    """How long a lease lasts without being renewed."""
    return timedelta(seconds=settings.ENV.runs.lease_seconds)


@contextmanager
def kept_lease(renew: Callable[[], bool]) -> Iterator[None]:
    """Renew a lease from a thread of its own until the block ends or `renew` says that it is lost.

    A lost lease does not stop the computation: its result is refused when it is written.
    """
    finished = Event()
    context = copy_context()  # the logs' ids
    heartbeat = Thread(
        target=context.run, args=(_renew_until, renew, finished), name="heartbeat", daemon=True
    )
    heartbeat.start()
    try:
        yield
    finally:
        finished.set()
        heartbeat.join()


def _renew_until(renew: Callable[[], bool], finished: Event) -> None:
    while not finished.wait(settings.ENV.runs.heartbeat_seconds):
        if not _is_renewed(renew):
            count_lease_losses("worker")
            log.warning("lease_lost")
            return


def _is_renewed(renew: Callable[[], bool]) -> bool:
    try:
        return renew()
    except (
        DatabaseError
    ) as error:  # the lease is longer than several heartbeats; the next one may succeed
        log.warning("lease_not_renewed", error=str(error).strip())
        return True
    finally:
        connection.close()  # this thread's own; most runs end before it has one
