"""Counts one column of a window on several slices: each piece is coded once, then counted by the rows of each slice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa

from ..arrays import IntArray
from ..categories import CategoryCounts
from ..kernels.cells import count_indices
from ..profiles import CategoricalProfile, FeatureProfile, NumericProfile
from ..references import CategoricalReference, FeatureReference, NumericReference

type RowsOfSlices = Mapping[str, IntArray]


class ColumnCounts(Protocol):
    """The counts of a column so far, by slice."""

    def add(self, chunk: pa.Array, chosen: RowsOfSlices) -> None:
        """Count the next piece: `chosen` are each slice's places in it."""

    def profile_of(self, name: str) -> FeatureProfile:
        """What a slice holds."""


def new_counts(reference: FeatureReference) -> ColumnCounts:
    """The counts of no rows, on the cells of a reference."""
    if isinstance(reference, NumericReference):
        return _NumericCounts(reference)
    return _CategoricalCounts(reference)


@dataclass(eq=False)
class _NumericCounts:
    """Rows in each cell; rows without a number are counted in a cell of their own, the last."""

    reference: NumericReference
    found: dict[str, IntArray] = field(default_factory=dict)

    def add(self, chunk: pa.Array, chosen: RowsOfSlices) -> None:
        codes = self.reference.cells_of(chunk)
        for name, rows in chosen.items():
            if name not in self.found:
                self.found[name] = np.zeros(self.reference.grid.cells + 1, np.int64)
            count_indices(codes[rows], self.found[name])

    def profile_of(self, name: str) -> NumericProfile:
        counts = self.found[name]
        return NumericProfile(counts=counts[:-1], nulls=int(counts[-1]), values=None)


@dataclass(eq=False)
class _CategoricalCounts:
    """Rows of each category."""

    reference: CategoricalReference
    found: dict[str, CategoricalProfile] = field(default_factory=dict)

    def add(self, chunk: pa.Array, chosen: RowsOfSlices) -> None:
        codes, names = self.reference.names_of(chunk)
        missing = len(names)
        codes = np.where(codes < 0, missing, codes)
        for name, rows in chosen.items():
            counts = np.zeros(missing + 1, np.int64)
            count_indices(codes[rows], counts)
            is_seen = counts[:-1] > 0
            seen = names.filter(pa.array(is_seen))
            own = CategoryCounts(seen, counts[:-1][is_seen], int(counts[-1]))
            before = self.found.get(name, self.reference.empty_profile())
            self.found[name] = before + self.reference.profile_of(own, chunk.type)

    def profile_of(self, name: str) -> CategoricalProfile:
        return self.found[name]
