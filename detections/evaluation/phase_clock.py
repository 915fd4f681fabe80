"""Measures how long each phase of a run's evaluation takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from drift_detector.observability.metrics import Phase, timed_phase

DECIMALS = 4


@dataclass(slots=True)
class PhaseClock:
    """The seconds of the phases of one attempt, in the order in which they began."""

    seconds: dict[str, float] = field(default_factory=dict)
    _ended: float = 0.0

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Measure a phase, also one that an error ends, without the phases inside of it."""
        start, ended = perf_counter(), self._ended
        self.seconds[name] = 0.0
        try:
            with timed_phase(name):
                yield
        finally:
            length = perf_counter() - start
            self.seconds[name] = round(length - (self._ended - ended), DECIMALS)
            self._ended = ended + length
