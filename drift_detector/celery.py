"""The Celery application, and how services wake it."""

import os
from uuid import UUID

import structlog
from celery import Celery
from django.db import transaction
from kombu.exceptions import ChannelError, OperationalError

from drift_detector import tracing
from drift_detector.metrics import WAKE_UPS_NOT_SENT

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drift_detector.settings")
log = structlog.get_logger(__name__)

app = Celery("drift_detector")
app.config_from_object("django.conf:settings", namespace="CELERY")
for module in ("monitors", "detections"):
    app.autodiscover_tasks(["tasks"], related_name=module)


def enqueue(task: str, priority: int = 3, /, **ids: UUID) -> None:
    """Send a wake-up, by name and with ids only, once the transaction has committed.

    A wake-up that can't be sent is logged and left to the reconciler: the row is the truth, the message a hint.

    Args:
        task: Its name.
        priority: 0, 3 or 6; workers take what has a lower number first.
        ids: Its arguments.
    """
    kwargs, headers = {name: str(value) for name, value in ids.items()}, tracing.context_headers()
    transaction.on_commit(lambda: _send(task, kwargs, headers, priority))


def count_messages() -> int | None:
    """How many messages wait in the broker for a worker; None if it can't be asked."""
    try:
        with app.connection_for_read() as broker:
            queue = broker.default_channel.queue_declare(app.conf.task_default_queue, passive=True)
    except ChannelError:
        return 0  # no queue: nothing was sent since the broker was emptied
    except (OperationalError, OSError):
        return None
    return int(queue.message_count)


def _send(task: str, kwargs: dict[str, str], headers: dict[str, str], priority: int) -> None:
    try:
        app.send_task(task, kwargs=kwargs, headers=headers, priority=priority)
    except (OperationalError, OSError) as error:
        WAKE_UPS_NOT_SENT.inc()
        log.warning("wake_up_not_sent", task=task, error=str(error), **kwargs)
