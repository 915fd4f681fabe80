"""A leaky bucket as a meter (ITU-T I.371, annex A: the continuous-state form of GCRA), in exact fractions."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

SECOND = 1_000_000


@dataclass(slots=True)
class LeakyBucket:
    """Holds `size` requests; one drains in each interval."""

    size: int
    interval: Fraction
    level: Fraction = Fraction(0)
    since: int = 0

    def takes(self, now: int) -> bool:
        """Pour one request in if it fits."""
        self._drain(now)
        if self.level + 1 > self.size:
            return False
        self.level += 1
        return True

    def room(self, now: int) -> int:
        """Whole requests that fit."""
        self._drain(now)
        return max(0, self.size - ceil(self.level))

    def waits(self, now: int) -> tuple[int, int]:
        """Seconds until it is empty, or with no room, until one request fits; and seconds until one fits."""
        if self.room(now):
            return ceil(self.level * self.interval / SECOND), 0
        until_one = ceil((self.level + 1 - self.size) * self.interval / SECOND)
        return until_one, max(1, until_one)

    def _drain(self, now: int) -> None:
        self.level = max(Fraction(0), self.level - (now - self.since) / self.interval)
        self.since = now
