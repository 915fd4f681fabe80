"""Counts one column of a window on several slices: each piece is coded once, then counted by the rows of each slice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa

from ..arrays import IntArray
from ..kernels.cells import count_chosen, count_indices
from ..profiles import CategoricalProfile, FeatureProfile, NumericProfile
from ..references import CategoricalReference, FeatureReference, NumericReference

type RowsOfSlices = Mapping[str, IntArray]


class ColumnCounts(Protocol):
    """The counts of a column on the slices, so far."""

    def profile(
        self, chunk: pa.Array, chosen: RowsOfSlices, *, keep_values: bool, keep_sample: bool
    ) -> FeatureProfile:
        """The whole's profile of the next piece, whose rows are counted on the slices too.

        Args:
            chunk: The piece.
            chosen: Each slice's rows of it.
            keep_values: Whether its numbers stay in the whole's profile.
            keep_sample: Whether a sample of them stays in it.
        """

    def profile_of(self, name: str) -> FeatureProfile:
        """The profile of the column on a slice."""


def new_counts(whole: FeatureReference, cells: FeatureReference) -> ColumnCounts:
    """The counts of no rows.

    Args:
        whole: The whole's reference, by which the column is read.
        cells: The reference that slices are counted on; its cells are unions of the whole's.
    """
    if isinstance(whole, NumericReference) and isinstance(cells, NumericReference):
        return _NumericCounts(whole, whole.grid.cell_starts(cells.grid.edges))
    assert isinstance(whole, CategoricalReference)
    return _CategoricalCounts(whole)


@dataclass(eq=False)
class _NumericCounts:
    """Rows in each of the whole's cells; rows without a number are counted after the last.

    Attributes:
        whole: The whole's reference.
        starts: The whole's cells at which the slices' begin.
        found: By slice, shape (cells + 1,).
    """

    whole: NumericReference
    starts: IntArray
    found: dict[str, IntArray] = field(default_factory=dict)

    def profile(
        self, chunk: pa.Array, chosen: RowsOfSlices, *, keep_values: bool, keep_sample: bool
    ) -> NumericProfile:
        profile, cells = self.whole.profile_with_cells(
            chunk, keep_values=keep_values, keep_sample=keep_sample
        )
        for name, rows in chosen.items():
            if name not in self.found:
                self.found[name] = np.zeros(self.whole.grid.cells + 1, np.int64)
            count_chosen(cells, rows, self.found[name])
        return profile

    def profile_of(self, name: str) -> NumericProfile:
        counts = self.found[name]
        in_cells = np.add.reduceat(counts[:-1], self.starts)
        return NumericProfile(counts=in_cells, nulls=int(counts[-1]), values=None)


@dataclass(eq=False)
class _CategoricalCounts:
    """Rows of each category, of which slices have the same as the whole."""

    whole: CategoricalReference
    found: dict[str, CategoricalProfile] = field(default_factory=dict)

    def profile(
        self, chunk: pa.Array, chosen: RowsOfSlices, *, keep_values: bool, keep_sample: bool
    ) -> CategoricalProfile:
        codes, names = self.whole.names_of(chunk)
        places = self.whole.places_of(names, chunk.type)
        for name, rows in chosen.items():
            counts = np.zeros(len(names) + 1, np.int64)
            count_chosen(codes, rows, counts)
            before = self.found.get(name)
            profile = places.profile(counts[:-1], int(counts[-1]))
            self.found[name] = profile if before is None else before + profile
        counts = np.zeros(len(names) + 1, np.int64)
        count_indices(codes, counts)
        return places.profile(counts[:-1], int(counts[-1]))

    def profile_of(self, name: str) -> CategoricalProfile:
        return self.found[name]
