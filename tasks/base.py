"""What all our tasks share."""

from typing import Any

from celery import Task
from structlog.contextvars import bound_contextvars


class LoggedTask(Task):
    """Logs carry the ids that the message brought."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with bound_contextvars(**kwargs):
            return super().__call__(*args, **kwargs)
