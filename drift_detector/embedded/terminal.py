"""What the launcher says to the person at the terminal."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


def say(text: str) -> None:
    """One line of progress; a closed terminal is no reason to stop cleaning up."""
    _write(f"==> {text}\n")


def complain(text: str) -> None:
    """Say why something can't be done."""
    sys.stderr.write(f"{text}\n")


@contextmanager
def progress(text: str) -> Iterator[None]:
    """A line that is there while a step runs, and says at the end how long it took."""
    began = time.monotonic()
    _write(f"==> {text} … ")
    try:
        yield
    except BaseException:
        _write("\n")
        raise
    _write(f"done ({time.monotonic() - began:.1f} s)\n")


def box(lines: Sequence[str]) -> None:
    """Lines in a frame, written at once so that other processes' logs don't come between."""
    width = max(map(len, lines))
    framed = [f"│ {line.ljust(width)} │" for line in lines]
    edge = "─" * (width + 2)
    _write("\n".join([f"┌{edge}┐", *framed, f"└{edge}┘", ""]))


def _write(text: str) -> None:
    with suppress(OSError):
        sys.stdout.write(text)
        sys.stdout.flush()
