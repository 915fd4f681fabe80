"""Measuring side by side: each round runs ours and the peer's once, so that both meet the same noise."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    Attributes:
        work: What is done.
        ours: Median seconds.
        peer: Median seconds of what it is compared with.
        least: The ratio asked for at least.
        reach: The ratio reached for.
    """

    work: str
    ours: float
    peer: float
    least: float
    reach: float

    @property
    def ratio(self) -> float:
        """How many times as long the peer takes."""
        return self.peer / self.ours

    def as_markdown(self) -> str:
        """A line of the table."""
        verdict = "reached" if self.ratio >= self.reach else "met" if self.ratio >= self.least else "missed"
        return (
            f"| {self.work} | {_shown(self.ours)} | {_shown(self.peer)} | {self.ratio:.2f}× "
            f"| {self.least:g}× | {self.reach:g}× | {verdict} |"
        )


def compare(
    work: str, ours: Callable[[], object], peer: Callable[[], object], *, least: float, reach: float,
    rounds: int = 5, peer_rounds: int = 1,
) -> Row:  # fmt: skip
    """Medians of some rounds, after one warm-up of ours; a slow peer is run less often."""
    ours()
    mine, theirs = [], []
    for each in range(rounds):
        mine.append(_seconds(ours))
        if each < peer_rounds:
            theirs.append(_seconds(peer))
    return Row(work=work, ours=statistics.median(mine), peer=statistics.median(theirs), least=least, reach=reach)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"
