"""Counts categories of a window at their places among those of a reference."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrays import BoolArray, IntArray
from .categories import Unseen
from .profiles import CategoricalProfile


@dataclass(frozen=True, slots=True, eq=False)
class CategoryPlaces:
    """Names, and the places that they have among the categories of a reference.

    Attributes:
        names: Names, an Arrow `large_string` array; a name may come again.
        is_known: Shape (names,), whether the reference has the category.
        places: Shape (known names,), the places of those.
        categories: Categories of the reference.
    """

    names: pa.Array
    is_known: BoolArray
    places: IntArray
    categories: int

    @classmethod
    def of(cls, names: pa.Array, categories: pa.Array) -> Self:
        """The places of names among categories."""
        places = pc.index_in(names, value_set=categories)
        is_known = places.is_valid().to_numpy(zero_copy_only=False)
        return cls(names, is_known, places.drop_null().to_numpy(), len(categories))

    def profile(self, counts: IntArray, nulls: int) -> CategoricalProfile:
        """The profile of counted names.

        Args:
            counts: Shape (names,), rows of each; those without a row are left out.
            nulls: Rows without a name.
        """
        placed = np.zeros(self.categories, np.int64)
        np.add.at(placed, self.places, counts[self.is_known])
        return CategoricalProfile(counts=placed, unseen=self._unseen(counts), nulls=nulls)

    def _unseen(self, counts: IntArray) -> Unseen:
        """The counted names that the reference does not have."""
        is_unseen = ~self.is_known & (counts > 0)
        if not is_unseen.any():
            return Unseen()
        names, rows = self.names.filter(pa.array(is_unseen)).to_pylist(), counts[is_unseen]
        return Unseen(rows=int(rows.sum()), counts=_summed(names, rows)).bounded()


def _summed(names: list[str], rows: IntArray) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, count in zip(names, rows.tolist(), strict=True):
        counts[name] = counts.get(name, 0) + count
    return counts
