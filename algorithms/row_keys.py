"""Gives each row of a stream a random key that stays its own in any window, so that windows agree on a draw."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .arrays import FloatArray, IntArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIXERS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
KEPT_BITS = 53
"""Of 64, so that a key is a float, exactly."""

type Words = npt.NDArray[np.uint64]


def split_mix(seeds: Words, places: Words) -> Words:
    """The outputs of SplitMix64 at these places, from 0, of the streams with these seeds.

    The generator is that of Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (2014); its output at
    any place takes no other.

    Args:
        seeds: Shape (n,).
        places: Shape (n,).
    """
    words = seeds + (places + np.uint64(1)) * GOLDEN
    for shift, factor in MIXERS:
        words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
    mixed: Words = words ^ (words >> np.uint64(31))
    return mixed


@dataclass(slots=True)
class RowKeys:
    """Keys of rows by the cell that each is in, such as a minute, and its place among the rows of that cell.

    Windows of the same rows in the same order give a row the same key, but for the cells that only one of them has
    whole.

    Attributes:
        seed: Of all keys, at least 0.
    """

    seed: int
    _seen: dict[int, int] = field(default_factory=dict)

    def next(self, cells: IntArray) -> FloatArray:
        """The keys of further rows: whole numbers below 2**53, as good as independent and uniform.

        Args:
            cells: Shape (n,).
        """
        places = self._places(cells)
        seeds = split_mix(np.full(len(cells), self.seed, np.uint64), cells.astype(np.uint64))
        keys = split_mix(seeds, places) >> np.uint64(64 - KEPT_BITS)
        return keys.astype(np.float64)

    def _places(self, cells: IntArray) -> Words:
        """Each row's place among the rows of its cell so far."""
        found, groups, counts = np.unique(cells, return_inverse=True, return_counts=True)
        before = np.array([self._seen.get(cell, 0) for cell in found.tolist()], np.int64)
        self._seen.update(zip(found.tolist(), (before + counts).tolist(), strict=True))
        order = np.argsort(groups, kind="stable")
        starts = np.repeat(np.cumsum(counts) - counts - before, counts)
        places = np.empty(len(cells), np.int64)
        places[order] = np.arange(len(cells)) - starts
        return places.astype(np.uint64)
