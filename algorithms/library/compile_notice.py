"""Says on standard error that the kernels are being compiled, where that takes longer than a moment."""

import sys
from functools import cache
from time import monotonic

from numba.core import event

MOMENT = 1.0
"""Seconds after which the silence needs an explanation."""
NOTICE = "Compiling the numeric kernels for this machine; later calls find them ready.\n"


class _Notice(event.Listener):
    """Writes the notice once, at the first kernel that begins a moment after another."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.is_written = False

    def on_start(self, event: event.Event) -> None:
        now = monotonic()
        self.first = now if self.first is None else self.first
        if not self.is_written and now - self.first >= MOMENT:
            self.is_written = True
            sys.stderr.write(NOTICE)
            sys.stderr.flush()

    def on_end(self, event: event.Event) -> None:
        """The next kernel says it."""


@cache
def say_that_kernels_compile() -> None:
    """Say it from now on, once in this process; nothing is said of kernels that are only loaded."""
    event.register("numba:compile", _Notice())  # type: ignore[no-untyped-call]
