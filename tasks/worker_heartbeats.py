"""Watches Celery's own processes: a worker by its heartbeats, beat by its looks at the schedule."""

from collections.abc import Callable
from functools import wraps
from time import monotonic
from typing import Any

from celery.signals import (
    beat_init,
    heartbeat_sent,
    worker_init,
    worker_process_shutdown,
    worker_ready,
)

from drift_detector.observability import tracing
from drift_detector.observability.heartbeats import Heartbeat, start_heartbeat
from drift_detector.slots import publish_slots

SAY_SECONDS = 8


@worker_init.connect
def watch_worker(**_: Any) -> None:
    """Note the heartbeats that the main process sends by the broker every two seconds, from the loop that takes tasks.

    A loop that hangs, or that waits for the broker to come back, sends none.
    """
    heartbeat = start_heartbeat("worker")

    def note(**_: Any) -> None:
        heartbeat.record("heartbeat")

    heartbeat_sent.connect(note, weak=False)


@worker_ready.connect
def watch_slots(sender: Any, **_: Any) -> None:
    """Say how many children the worker has, at once and then with some of its heartbeats."""
    name, number = str(sender.hostname), int(getattr(sender.pool, "num_processes", 1) or 1)
    said = [monotonic()]
    publish_slots(name, number)

    def say(**_: Any) -> None:
        if monotonic() - said[0] >= SAY_SECONDS:
            said[0] = monotonic()
            publish_slots(name, number)

    heartbeat_sent.connect(say, weak=False)


@worker_process_shutdown.connect
def send_last_spans(**_: Any) -> None:
    """A recycled child leaves without exit handlers."""
    tracing.flush()


@beat_init.connect
def watch_beat(sender: Any, **_: Any) -> None:
    """Note each look that the scheduler takes, whichever scheduler it is."""
    scheduler = sender.scheduler
    heartbeat = start_heartbeat("beat", pause_seconds=scheduler.max_interval)
    scheduler.tick = _noted(scheduler.tick, heartbeat)


def _noted(tick: Callable[..., float], heartbeat: Heartbeat) -> Callable[..., float]:
    @wraps(tick)
    def noted(*args: Any, **kwargs: Any) -> float:
        seconds = tick(*args, **kwargs)
        heartbeat.record("tick")
        return seconds

    return noted
