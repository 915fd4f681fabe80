"""The base of all tasks."""

from typing import Any
from uuid import UUID

import structlog
from celery import Task
from celery.signals import beat_init, worker_init
from django.db import Error
from structlog.contextvars import bound_contextvars

from algorithms.warm import warm
from detections.ledger.dispatch import EXECUTE_TASK, enqueue_due
from drift_detector.celery import Priority, TaskMessage
from drift_detector.observability import tracing
from drift_detector.tenancy.acting import act_as_process
from drift_detector.tenancy.principal import ActorKind
from drift_detector.tenancy.scope import release_connection
from drift_detector.work import NoRoom, begin_waiting, set_aside

log = structlog.get_logger(__name__)


class LoggedTask(Task):
    """Logs and a span carry the ids that the message brought; the span goes on with the trace of who sent it.

    A worker's main process watches how its child ends (`tasks.crashes`).

    Its connection goes back to the pool, which looks whether it is still good before it is used again.
    """

    Request = "tasks.crashes:WatchedRequest"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        span = tracing.span(self.name, kind="consumer", parent=self.request.headers, **kwargs)
        try:
            with bound_contextvars(**kwargs), span:
                return super().__call__(*args, **kwargs)
        finally:
            if not self.request.called_directly:  # beat's own connection holds its leadership
                release_connection()


class WorkTask(LoggedTask):
    """Does a tenant's work, which takes a slot: without room it is set aside, and its end begins what waits."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except NoRoom:
            set_aside(_message_of(self, kwargs))
        finally:
            begin_next(self.name, UUID(kwargs["tenant_id"]))
            if not self.request.called_directly:
                release_connection()


def begin_next(task: str, tenant_id: UUID) -> None:
    """Begin what waits for room, when a task has ended; the end of a run enqueues the next run itself."""
    try:
        if task != EXECUTE_TASK:
            enqueue_due(tenant_id)
        begin_waiting(tenant_id)
    except Error as error:  # the reconciler begins it
        log.warning("nothing_begun", error=str(error).strip())


def _message_of(task: Task, ids: dict[str, str]) -> TaskMessage:
    delivery = task.request.delivery_info or {}
    return TaskMessage(
        task.name,
        {name: UUID(value) for name, value in ids.items()},
        Priority(delivery.get("priority", Priority.TICK)),
    )


def worker_name(request: Any) -> str:
    """The name of the worker that a task runs in, as leases record it."""
    return str(request.hostname or "local")


@worker_init.connect
def warm_kernels(**_: Any) -> None:
    """Load the compiled kernels before the worker forks, so that no run waits for them."""
    warm()


@worker_init.connect
def act_as_worker(**_: Any) -> None:
    """Name the worker as the one who writes; its children inherit it."""
    act_as_process(ActorKind.PROCESS, "worker")


@beat_init.connect
def act_as_beat(**_: Any) -> None:
    """Name beat as the one who writes."""
    act_as_process(ActorKind.PROCESS, "beat")
