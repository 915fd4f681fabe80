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
        least: The ratio asked for at least; None where none is.
        reach: The ratio reached for.
    """

    work: str
    ours: float
    peer: float
    least: float | None = None
    reach: float | None = None

    @property
    def ratio(self) -> float:
        """How many times as long the peer takes."""
        return self.peer / self.ours

    def falls_short_of(self, share: float) -> bool:
        """Whether the ratio is less than this share of what is asked for."""
        return self.least is not None and self.ratio < share * self.least

    def as_markdown(self) -> str:
        """A line of the table."""
        measured = (
            f"| {self.work} | {_shown(self.ours)} | {_shown(self.peer)} | {self.ratio:.2f}× |"
        )
        if self.least is None or self.reach is None:
            return f"{measured} | | |"
        verdict = (
            "reached" if self.ratio >= self.reach else "missed" if self.falls_short_of(1) else "met"
        )
        return f"{measured} {self.least:.3g}× | {self.reach:.3g}× | {verdict} |"


def compare(
    work: str, ours: Callable[[], object], peer: Callable[[], object], *, least: float | None = None,
    reach: float | None = None, rounds: int = 5, peer_rounds: int = 1,
) -> Row:  # fmt: skip
    """Medians of some rounds, after one warm-up of ours; a slow peer is run less often."""
    ours()
    mine, theirs = [], []
    for each in range(rounds):
        mine.append(_seconds(ours))
        if each < peer_rounds:
            theirs.append(_seconds(peer))
    return Row(
        work=work,
        ours=statistics.median(mine),
        peer=statistics.median(theirs),
        least=least,
        reach=reach,
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"
