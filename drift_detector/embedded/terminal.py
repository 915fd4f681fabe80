"""Writes the launcher's messages to the terminal."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


def say(text: str) -> None:
    """Write one line of progress; a closed terminal does not interrupt the cleanup."""
    _write(f"==> {text}\n")


def complain(text: str) -> None:
    """Write an error."""
    sys.stderr.write(f"{text}\n")


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Write a line at the start of a step, and its duration at the end."""
    began = time.monotonic()
    _write(f"==> {text} … ")
    try:
        yield
    except BaseException:
        _write("\n")
        raise
    _write(f"done ({time.monotonic() - began:.1f} s)\n")


def box(lines: Sequence[str]) -> None:
    """Write lines in a frame, in one write, so that no log of another process comes between."""
    width = max(map(len, lines))
    framed = [f"│ {line.ljust(width)} │" for line in lines]
    edge = "─" * (width + 2)
    _write("\n".join([f"┌{edge}┐", *framed, f"└{edge}┘", ""]))


def _write(text: str) -> None:
    with suppress(OSError):
        sys.stdout.write(text)
        sys.stdout.flush()
