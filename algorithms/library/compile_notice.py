"""Says on standard error that the kernels are being compiled, where that takes longer than a moment."""

import sys
from functools import cache
from time import monotonic

from numba.core import event

from ..kernels.compiler import jit
from ..kernels.kernel_cache import keeps_code

MOMENT = 1.0
"""Seconds of compilation after which the silence needs an explanation."""
NOTICE = "Compiling the numeric kernels for this machine; "
KEPT = "later calls find them ready.\n"
UNKEPT = "no folder keeps them, so each process compiles them again. NUMBA_CACHE_DIR names one.\n"


class _Notice(event.Listener):
    """Writes the notice once, at the first kernel that begins after a moment was spent on others."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.spent = 0.0
        self.is_written = False

    def on_start(self, event: event.Event) -> None:
        """A kernel begins, perhaps inside another that calls it."""
        if not self.is_written and self.spent >= MOMENT:
            self.is_written = True
            _say(NOTICE + (KEPT if keeps_code(jit) else UNKEPT))
        self.began.append(monotonic())

    def on_end(self, event: event.Event) -> None:
        """A kernel is compiled; those inside it are part of its time."""
        began = self.began.pop()
        if not self.began:
            self.spent += monotonic() - began


def _say(text: str) -> None:
    if sys.stderr is not None:  # it is closed, or the program has no terminal
        sys.stderr.write(text)
        sys.stderr.flush()


@cache
def say_that_kernels_compile() -> None:
    """Say it from now on, once in this process; nothing is said of kernels that are only loaded."""
    event.register("numba:compile", _Notice())  # type: ignore[no-untyped-call]
