"""Bounds the memory of a worker's children, and fails the work that has crashed one of them.

What the data do to a child they do to the next one: work that ends a child by a signal of its own,
as C++ does without memory, fails at once. A child that is killed from outside, as the kernel does
when the machine has no memory left, says nothing about its work, which is tried again.
"""

import re
import signal
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from billiard.exceptions import WorkerLostError
from celery.signals import worker_process_init
from celery.worker.request import Request
from django.conf import settings
from django.db import DatabaseError, connection

from detections.backtests import services as backtests
from detections.evaluation import fan_out
from detections.ledger import dispatch
from detections.ledger import runs as ledger
from detections.reports import services as reports
from detections.runs import execution
from drift_detector.memory import bound_memory, crashed
from monitors.baselines import builds
from monitors.jobs import services as jobs
from tasks.base import begin_next, worker_name

log = structlog.get_logger(__name__)

OWN_SIGNALS = frozenset(
    {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGTRAP}
)
"""The signals by which a process ends itself; an operator and the kernel send others."""
_SIGNAL = re.compile(r"signal (\d+)")
_LOCK_TIMEOUT = "SET lock_timeout = '5s'"


class WorkCrashed(Exception):
    """A child that ended by a signal of its own; the work has failed and does not come again."""


def _fail_build(*, reason: str, tenant_id: UUID, baseline_id: UUID, worker: str) -> None:
    monitor_id = builds.fail_build(
        tenant_id=tenant_id, baseline_id=baseline_id, reason=reason, worker=worker
    )
    if monitor_id is not None:
        ledger.release_postponed(tenant_id=tenant_id, monitor_id=monitor_id)


FAIL: dict[str, Callable[..., object]] = {
    dispatch.EXECUTE_TASK: execution.fail_run,
    fan_out.HELP_TASK: execution.fail_helped_run,
    builds.BUILD_TASK: _fail_build,
    jobs.JOB_TASK: jobs.fail_job,
    backtests.BACKTEST_TASK: backtests.fail_backtest,
    reports.REPORT_TASK: reports.fail_report,
}


@worker_process_init.connect
def bound_child(**_: Any) -> None:
    """Bound the memory of a child as it starts; Celery itself looks only after a task."""
    bound_memory(settings.ENV.runs.max_child_bytes)


class WatchedRequest(Request):
    """A task in a worker's main process, which sees how its child ends."""

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> Any:
        """Fail the work of a child that crashed, and acknowledge its message."""
        error = _plain(exc_info.exception)
        number = own_signal(error)
        if number is not None:
            fail_work(self.name, self.kwargs, crashed(number), worker=worker_name(self))
            exc_info = _as_info(WorkCrashed(str(error)))
        return super().on_failure(exc_info, send_failed_event, return_ok)


def _plain(error: object) -> object:
    """The error itself, which Celery sends with its traceback in one."""
    return error.exc if isinstance(error, ExceptionWithTraceback) else error


def own_signal(error: object) -> int | None:
    """The signal by which a child ended itself; None if it ended otherwise."""
    found = _SIGNAL.search(str(error)) if isinstance(error, WorkerLostError) else None
    return int(found[1]) if found and int(found[1]) in OWN_SIGNALS else None


def fail_work(task: str, ids: dict[str, str], reason: str, *, worker: str) -> None:
    """Record that the work of a task has failed, if this worker has its lease.

    Without the database the lease runs out. It is called in the main process, which forks the
    children: it keeps no connection open.
    """
    fail = FAIL.get(task)
    if fail is None:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_TIMEOUT)
        fail(reason=reason, worker=worker, **{name: UUID(value) for name, value in ids.items()})
        log.warning("work_crashed", task=task, reason=reason, **ids)
        begin_next(task, UUID(ids["tenant_id"]))
    except DatabaseError as error:
        log.warning("crash_not_recorded", error=str(error).strip(), task=task, **ids)
    finally:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # it is PostgreSQL's


def _as_info(error: Exception) -> ExceptionInfo:
    try:
        raise error
    except WorkCrashed:
        return ExceptionInfo()
