"""The Celery application, and how services wake it."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

import structlog
from celery import Celery
from django.db import transaction
from kombu.exceptions import ChannelError, OperationalError
from redis import RedisError

from drift_detector.lean_start import start_lean
from drift_detector.observability import tracing
from drift_detector.observability.metrics import WAKE_UPS_NOT_SENT

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drift_detector.settings")
os.environ.setdefault(
    "CELERY_SKIP_CHECKS", "1"
)  # `migrate` runs Django's checks; they import all pages
start_lean()
log = structlog.get_logger(__name__)

# Where the broker keeps the name it had when last seen: once it may have lost messages, the two are not the same.
BROKER_RUN_ID_KEY = "drift_detector.life"
UNREACHABLE = (OperationalError, RedisError, OSError)

app = Celery("drift_detector")
app.config_from_object("django.conf:settings", namespace="CELERY")
for module in ("monitors", "detections", "alerts"):
    app.autodiscover_tasks(["tasks"], related_name=module)


class Priority(IntEnum):
    """The order of a message in the queue: workers take one of a higher number when none of a lower waits.

    The numbers are the priorities that kombu has lists for in Valkey.
    """

    TICK = 3
    BACKFILL = 6
    BACKGROUND = 9


@dataclass(frozen=True, slots=True)
class TaskMessage:
    """A message: a task's name and the ids it takes."""

    task: str
    ids: Mapping[str, UUID]
    priority: Priority = Priority.TICK


def enqueue(task: str, *, priority: Priority = Priority.TICK, **ids: UUID) -> None:
    """Send a wake-up, by name and with ids only, once the transaction has committed."""
    enqueue_all([TaskMessage(task, ids, priority)])


def enqueue_all(
    messages: Sequence[TaskMessage],
    *,
    unsent: Callable[[Sequence[TaskMessage]], object] | None = None,
) -> None:
    """Send messages, in this order, once the transaction has committed.

    The first message that can't be sent is logged, and it and the rest are left to the reconciler. The
    row is the truth and the message a hint, so a caller waits for an absent broker once only.

    Args:
        messages: The messages.
        unsent: Called with the messages that were not sent.
    """
    headers = tracing.context_headers()

    def send() -> None:
        if (left := _send(messages, headers)) and unsent:
            unsent(left)

    transaction.on_commit(send)


def count_messages() -> int | None:
    """The number of messages that wait for a worker; None if the broker does not answer."""
    try:
        with app.connection_for_read() as broker:
            queue = broker.default_channel.queue_declare(app.conf.task_default_queue, passive=True)
    except ChannelError:
        return 0  # no queue: nothing was sent since the broker was emptied
    except (OperationalError, OSError):
        return None
    return int(queue.message_count)


def new_broker_run_id() -> str | None:
    """The broker's name since its start, unless it is remembered: it was restarted, replaced or emptied since then.

    None too if it can't be asked.
    """
    try:
        with app.connection_for_read() as broker:
            client = broker.default_channel.client
            run_id = str(client.info("server")["run_id"])
            return run_id if client.get(BROKER_RUN_ID_KEY) != run_id.encode() else None
    except UNREACHABLE:
        return None


def remember_broker_run_id(run_id: str) -> None:
    """Have the broker keep its name; one that is away again will have another."""
    with suppress(*UNREACHABLE), app.connection_for_read() as broker:
        broker.default_channel.client.set(BROKER_RUN_ID_KEY, run_id)


def _send(messages: Sequence[TaskMessage], headers: dict[str, str]) -> Sequence[TaskMessage]:
    """Those from the first on that could not be sent."""
    for position, message in enumerate(messages):
        kwargs = {name: str(value) for name, value in message.ids.items()}
        try:
            app.send_task(message.task, kwargs=kwargs, headers=headers, priority=message.priority)
        except (OperationalError, OSError) as error:
            left = messages[position:]
            _record_unsent(left, error, kwargs)
            return left
    return ()


def _record_unsent(
    left: Sequence[TaskMessage], error: Exception, first_ids: Mapping[str, str]
) -> None:
    WAKE_UPS_NOT_SENT.inc(len(left))
    number, first = len(left), left[0].task
    log.warning("wake_ups_not_sent", number=number, first=first, error=str(error), **first_ids)
