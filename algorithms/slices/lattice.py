"""Searches the lattice of conjunctions for the slices in which rows are over-represented, as SliceLine does.

SliceLine (Sagadeeva & Boehm, SIGMOD 2021) goes through conjunctions level by level. It leaves out a slice that is too
small, and one whose parts cannot reach the score of the best ones, by an upper bound from the sizes and errors of all
slices that it is a part of. Here a row's error is how much its cell is over-represented, and rows of the reference
stand beside those of the current window, so that a slice that always had such rows has no score.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..arrays import BoolArray, FloatArray, IntArray
from .coded_features import CodedFeature, Predicate

TINY = 1e-9
"""In place of a deviation of rounding alone, and of a zero that is divided by."""
MOST_PARENTS = 20
"""Pairs that a third condition is tried on, those with the highest scores."""
LEAST_SCORE = 3.0
"""The score, in standard errors, below which a slice is no find."""
LONGER_COSTS = 2.0
"""Standard errors that each further condition takes from a score, so that a longer slice must be clearly better."""


@dataclass(frozen=True, slots=True, eq=False)
class RowErrors:
    """The over-representation of the cell of each row.

    Attributes:
        reference: Shape (n,), from 0 to 1.
        current: Shape (m,).
    """

    reference: FloatArray
    current: FloatArray


@dataclass(frozen=True, slots=True)
class Sizes:
    """The rows that a slice must have in each window, and the share of a window that it may have."""

    fewest: int
    largest_share: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class FoundSlice:
    """A conjunction with its score."""

    predicates: tuple[Predicate, ...]
    score: float

    @property
    def where(self) -> str:
        """The condition in the grammar of slices."""
        return " and ".join(each.text for each in self.predicates)

    @property
    def features(self) -> frozenset[str]:
        """The features that it names."""
        return frozenset(each.feature for each in self.predicates)


def search_lattice(
    features: Mapping[str, CodedFeature], errors: RowErrors, sizes: Sizes, most: int
) -> list[FoundSlice]:
    """The best conjunctions of conditions on different features, the highest score first.

    A score is how far the mean error of a slice's current rows is above that of its reference rows, less the same of
    the whole, in standard errors.

    Args:
        features: The features that conditions may name.
        errors: Of the rows of both windows.
        sizes: The sizes that slices must have.
        most: How many to find.
    """
    search = _Search(features, errors, sizes, most)
    search.first_level()
    search.third_level(search.second_level())
    return search.best


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Rows and sums of errors of slices in both windows, arrays of one shape."""

    reference: FloatArray
    current: FloatArray
    reference_errors: FloatArray
    current_errors: FloatArray

    def chosen(self, *predicates: FloatArray) -> "_Sums":
        """The sums of conditions, from those of cells.

        Args:
            predicates: Shape (conditions, cells), of each feature that the cells are of.
        """
        return _Sums(*(_chosen(each, predicates) for each in self._each()))

    def _each(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        return self.reference, self.current, self.reference_errors, self.current_errors


def _chosen(cells: FloatArray, predicates: Sequence[FloatArray]) -> FloatArray:
    found = predicates[0] @ cells
    return found if len(predicates) == 1 else found @ predicates[1].T


class _Search:
    """The state of a search: the bounds of the first level, the pairs, and the best slices so far."""

    def __init__(
        self, features: Mapping[str, CodedFeature], errors: RowErrors, sizes: Sizes, most: int
    ) -> None:
        self.features, self.errors, self.sizes, self.most = features, errors, sizes, most
        self.rows = len(errors.reference), len(errors.current)
        self.drift = float(errors.current.mean() - errors.reference.mean())
        both = np.concatenate([errors.reference, errors.current])
        self.deviation = max(float(both.std()), TINY)
        self.largest = max(float(both.max(initial=0.0)), TINY)
        self.chosen = {name: _cells_of(each) for name, each in features.items()}
        self.bounds: dict[str, FloatArray] = {}
        self.best: list[FoundSlice] = []

    @property
    def least(self) -> float:
        """The score that a slice must have to be among the best."""
        return self.best[-1].score if len(self.best) == self.most else LEAST_SCORE

    def first_level(self) -> None:
        for name, feature in self.features.items():
            cells = self._sums(feature.reference, feature.current, feature.cells)
            sums = cells.chosen(self.chosen[name])
            self.bounds[name] = self._bounds(sums)
            scores = self._scores(sums, 1)
            self._keep(
                FoundSlice((feature.predicates[place],), float(scores[place]))
                for place in np.flatnonzero(scores > self.least).tolist()
            )

    def second_level(self) -> list[FoundSlice]:
        """Every pair of conditions that can be among the best; the best pairs are found."""
        pairs: list[FoundSlice] = []
        for first, second in combinations(self.features.values(), 2):
            bounds = np.minimum.outer(self.bounds[first.name], self.bounds[second.name])
            if bounds.size and bounds.max() - LONGER_COSTS > self.least:
                pairs += self._pairs(first, second)
        return sorted(pairs, key=_score, reverse=True)[:MOST_PARENTS]

    def _pairs(self, first: CodedFeature, second: CodedFeature) -> list[FoundSlice]:
        cells = self._sums(
            first.reference * second.cells + second.reference,
            first.current * second.cells + second.current,
            (first.cells, second.cells),
        )
        sums = cells.chosen(self.chosen[first.name], self.chosen[second.name])
        scores = self._scores(sums, 2)
        places = np.argwhere(scores > self.least)
        order = np.argsort(-scores[tuple(places.T)], kind="stable")[: self.most]
        found = [
            FoundSlice(
                (first.predicates[row], second.predicates[column]), float(scores[row, column])
            )
            for row, column in places[order].tolist()
        ]
        self._keep(found)
        return found

    def third_level(self, pairs: Iterable[FoundSlice]) -> None:
        for pair in pairs:
            rows = [self._rows_of(pair, side) for side in ("reference", "current")]
            for name, feature in self.features.items():
                if name in pair.features or not self._is_worth_it(pair, name):
                    continue
                self._keep(self._triples(pair, feature, *rows))

    def _is_worth_it(self, pair: FoundSlice, name: str) -> bool:
        bound = self.bounds[name].max(initial=-np.inf)
        return bool(bound - 2 * LONGER_COSTS > self.least)

    def _rows_of(self, pair: FoundSlice, side: str) -> IntArray:
        chosen: list[BoolArray] = [
            each.cells[getattr(self.features[each.feature], side)] for each in pair.predicates
        ]
        return np.flatnonzero(chosen[0] & chosen[1])

    def _triples(
        self, pair: FoundSlice, feature: CodedFeature, before: IntArray, after: IntArray
    ) -> Iterator[FoundSlice]:
        cells = self._sums(
            feature.reference[before],
            feature.current[after],
            feature.cells,
            RowErrors(self.errors.reference[before], self.errors.current[after]),
        )
        scores = self._scores(cells.chosen(self.chosen[feature.name]), 3)
        for place in np.flatnonzero(scores > max(self.least, pair.score)).tolist():
            found = (*pair.predicates, feature.predicates[place])
            yield FoundSlice(found, float(scores[place]))

    def _sums(
        self,
        before: IntArray,
        after: IntArray,
        shape: int | tuple[int, int],
        errors: RowErrors | None = None,
    ) -> _Sums:
        """Rows and errors by cell, from the cell of each row."""
        errors, cells = errors or self.errors, int(np.prod(shape))
        return _Sums(
            np.bincount(before, minlength=cells).reshape(shape).astype(np.float64),
            np.bincount(after, minlength=cells).reshape(shape).astype(np.float64),
            np.bincount(before, errors.reference, cells).reshape(shape),
            np.bincount(after, errors.current, cells).reshape(shape),
        )

    def _scores(self, sums: _Sums, level: int) -> FloatArray:
        n, m = self.rows
        fewest, share = self.sizes.fewest, self.sizes.largest_share
        is_large = np.minimum(sums.reference, sums.current) >= fewest
        is_part = (sums.reference <= share * n) & (sums.current <= share * m)
        r, c = np.maximum(sums.reference, 1), np.maximum(sums.current, 1)
        excess = sums.current_errors / c - sums.reference_errors / r - self.drift
        scores = excess / (self.deviation * np.sqrt(1 / r + 1 / c))
        return np.where(is_large & is_part, scores - LONGER_COSTS * (level - 1), -np.inf)

    def _bounds(self, sums: _Sums) -> FloatArray:
        """The most that the score of any part of each slice can be.

        A part of k current rows has a mean error of at most E / k, if E is the sum of the slice's, and of at most the
        largest error. Its standard error is at least that of k rows. Both together are most at k = E / largest.
        """
        k = np.clip(sums.current_errors / self.largest, self.sizes.fewest, sums.current)
        means = np.minimum(sums.current_errors / np.maximum(k, 1), self.largest)
        bounds = (means - self.drift) * np.sqrt(k) / self.deviation
        is_large = np.minimum(sums.reference, sums.current) >= self.sizes.fewest
        return np.where(is_large, bounds, -np.inf)

    def _keep(self, found: Iterable[FoundSlice]) -> None:
        self.best = sorted([*self.best, *found], key=_score, reverse=True)[: self.most]


def _score(found: FoundSlice) -> float:
    return found.score


def _cells_of(feature: CodedFeature) -> FloatArray:
    """The cells that each condition chooses, shape (conditions, cells)."""
    chosen = [each.cells for each in feature.predicates]
    return np.array(chosen, np.float64).reshape(len(chosen), feature.cells)
