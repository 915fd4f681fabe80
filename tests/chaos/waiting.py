"""Waiting for what should happen; the limit is for what hangs."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

PATIENCE_SECONDS = 600.0


def wait_until[T](
    look: Callable[[], T], what: str, *, seconds: float = PATIENCE_SECONDS, pause: float = 0.05
) -> T:
    """The first thing that `look` returns that is true.

    Raises:
        TimeoutError: If that takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: it did not happen in {seconds:.0f} s")
        time.sleep(pause)
    return found


def sleep_until(moment: datetime) -> None:
    """Wait for a moment of the clock; one that has passed is not waited for."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
