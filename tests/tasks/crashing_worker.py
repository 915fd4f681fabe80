"""Celery's app, whose children end by a signal when they read a window: as an operator or a crash would end them.

`SIGNALS` lists the signal of each attempt of a child, as numbers; a file counts the attempts.
"""

import os
from pathlib import Path
from typing import Any

from celery.signals import worker_process_init

from drift_detector.celery import app

__all__ = ["app"]

EAT = "eat"
"""Instead of a number: take memory until there is none."""


@worker_process_init.connect  # type: ignore[untyped-decorator]
def prepare(**_: Any) -> None:
    from monitors.sources import descriptions, pruning, window

    def narrow(spec: Any) -> Any:
        _end(os.environ["SIGNALS"].split(), Path(os.environ["ATTEMPTS"]))
        return pruning.narrow(spec)

    for module in (window, descriptions):
        setattr(module, "narrow", narrow)  # noqa: B010  # it is a name that they import


def _end(signals: list[str], attempts: Path) -> None:
    """End the process as the list says for this attempt; do nothing after its last one."""
    count = len(attempts.read_text()) if attempts.exists() else 0
    attempts.write_text("x" * (count + 1))
    if count >= len(signals):
        return
    if signals[count] == EAT:
        _eat()
    os.kill(os.getpid(), int(signals[count]))


def _eat() -> None:
    held = []
    while True:
        held.append(bytearray(64 << 20))
