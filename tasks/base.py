"""What all our tasks share."""

from typing import Any

from celery import Task
from celery.signals import worker_init
from structlog.contextvars import bound_contextvars

from algorithms.warm import warm


class LoggedTask(Task):
    """Logs carry the ids that the message brought."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with bound_contextvars(**kwargs):
            return super().__call__(*args, **kwargs)


@worker_init.connect
def warm_kernels(**_: Any) -> None:
    """Load the compiled kernels before the worker forks, so that no run waits for them."""
    warm()
