"""Holds two windows of a categorical feature by name, and says whether a correction removes their drift."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..categories import Unseen
from ..profiles import CategoricalProfile
from ..references import CategoricalReference
from .fault import Explanation, Fault

FEWEST_ROWS = 200
MOST_CATEGORIES = 1_000
"""More are rather texts or identifiers than categories."""
FEWEST_EXPECTED = 12
"""Rows that a window should hold of a category that it lost: by chance it holds none once in 160,000 windows."""
REST = 1 / 3
"""The part of the distance that may stay."""
LONGEST_NAME = 40

type IsSame = Callable[[CategoricalProfile], bool]
type Counts = Mapping[str, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class CategoryEvidence:
    """The data in which a fault of categories is sought.

    Attributes:
        reference: The reference.
        profile: The counted window.
        is_same: Whether a corrected window passes the tests in which the feature drifted.
    """

    reference: CategoricalReference
    profile: CategoricalProfile
    is_same: IsSame

    @cached_property
    def can_be_tried(self) -> bool:
        """True if both windows hold enough rows, and all their categories are known by name."""
        rows = min(self.reference.n, self.profile.rows)
        names = len(self.reference.counts), len(self.profile.unseen.counts)
        is_complete = not self.reference.other and self.profile.unseen.is_complete
        return rows >= FEWEST_ROWS and max(names) <= MOST_CATEGORIES and is_complete

    @cached_property
    def before(self) -> dict[str, int]:
        """The reference's rows by category."""
        names = self.reference.categories.to_pylist()
        return dict(zip(names, self.reference.counts.tolist(), strict=True))

    @cached_property
    def now(self) -> dict[str, int]:
        """The window's rows by category."""
        known = dict(zip(self.before, self.profile.counts.tolist(), strict=True))
        return known | dict(self.profile.unseen.counts)

    @cached_property
    def lost(self) -> list[str]:
        """The categories that the window should hold and does not, the most frequent first."""
        return [
            name
            for name in self.before
            if not self.now[name] and self.expected(name) >= FEWEST_EXPECTED
        ]

    @cached_property
    def new(self) -> list[str]:
        """The categories that the reference does not hold, the most frequent first."""
        counts = self.profile.unseen.counts
        return sorted(counts, key=lambda name: (-counts[name], name))

    def expected(self, name: str) -> float:
        """The rows of a category that a window like the reference would hold."""
        return self.before.get(name, 0) * self.profile.rows / self.reference.n

    def gained(self, name: str) -> float:
        """The rows of a category beyond those expected."""
        return self.now[name] - self.expected(name)

    def is_about(self, rows: float, expected: float) -> bool:
        """True if chance explains the difference of two numbers of rows (4 standard errors)."""
        variance = max(expected, 1) * (1 + self.profile.rows / self.reference.n)
        return bool(abs(rows - expected) <= 4 * np.sqrt(variance) + 1)

    def explained(self, fault: Fault, corrected: Counts) -> Iterator[Explanation]:
        """The explanation, if the corrected window passes the tests, and is much nearer to the reference."""
        rest = self._distance(corrected)
        noise = float(np.sqrt(len(self.before) / max(1, sum(corrected.values()))))
        if rest <= max(REST * self._distance(self.now), noise) and self.is_same(
            self._profile(corrected)
        ):
            yield Explanation(fault=fault, gap=rest)

    def _distance(self, counts: Counts) -> float:
        """Half the sum of the differences between the shares of categories (total variation)."""
        rows = max(1, sum(counts.values()))
        differences = (
            abs(counts.get(name, 0) / rows - self.before.get(name, 0) / self.reference.n)
            for name in {*counts, *self.before}
        )
        return sum(differences) / 2

    def _profile(self, counts: Counts) -> CategoricalProfile:
        """The counts as a window's profile."""
        unseen = {name: rows for name, rows in counts.items() if rows and name not in self.before}
        known = np.array([counts.get(name, 0) for name in self.before], np.int64)
        return replace(
            self.profile,
            counts=known,
            unseen=Unseen(rows=sum(unseen.values()), counts=unseen),
        )


def quoted(name: str) -> str:
    """A category as people read it, cut if it is long."""
    return f"‘{name[:LONGEST_NAME]}’"


def moved(counts: Counts, pairs: Mapping[str, str]) -> dict[str, int]:
    """The counts with the rows of each key at its value's category."""
    found = dict(counts)
    for source, target in pairs.items():
        found[target] = found.get(target, 0) + found.pop(source)
    return found


def list_pairs(pairs: Mapping[str, str]) -> str:
    """The first three pairs of a new and an old name, and the number of the others."""
    named = [f"{quoted(new)} is {quoted(old)}" for new, old in list(pairs.items())[:3]]
    more = len(pairs) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
