"""Count the bytes that are read of a tenant's data, also where the reading ends by an error."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True)
class Meter:
    """The bytes that were read; threads add to it at once."""

    bytes: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, number: int) -> None:
        """Add bytes that were read."""
        with self._lock:
            self.bytes += number


_current: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Count what the datasets that are opened in the block read."""
    meter = Meter()
    token = _current.set(meter)
    try:
        yield meter
    finally:
        _current.reset(token)


def current_meter() -> Meter:
    """The meter of the block; outside of one, a meter that is not looked at."""
    return _current.get() or Meter()
