"""The base of all tasks."""

from typing import Any

from celery import Task
from celery.signals import worker_init
from structlog.contextvars import bound_contextvars

from algorithms.warm import warm
from drift_detector.observability import tracing
from drift_detector.tenancy.scope import release_connection


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


def worker_name(request: Any) -> str:
    """The name of the worker that a task runs in, as leases record it."""
    return str(request.hostname or "local")


@worker_init.connect
def warm_kernels(**_: Any) -> None:
    """Load the compiled kernels before the worker forks, so that no run waits for them."""
    warm()
