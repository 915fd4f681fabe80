"""The apps above that act on a recorded run, in its transaction.

`detections` imports no app above it. An app registers its listener in `AppConfig.ready`.
"""

from typing import Protocol

from detections.findings import RunFinding
from detections.models import DetectionRun


class RunListener(Protocol):
    """An app that acts when a run is recorded."""

    def run_recorded(self, run: DetectionRun, finding: RunFinding) -> None:
        """Act on a run, in the caller's transaction; the monitor's row is locked."""


_listeners: list[RunListener] = []


def register_listener(listener: RunListener) -> None:
    """Call a listener for every run from now on, in the order of registration; once for each."""
    if listener not in _listeners:
        _listeners.append(listener)


def notify_listeners(run: DetectionRun, finding: RunFinding) -> None:
    """Call all listeners; an error of one rolls the run's transaction back."""
    for listener in _listeners:
        listener.run_recorded(run, finding)
