"""Summarizes a window as counts on a baseline's cells, small and mergeable.

Merging adds whole numbers, or floats summed exactly, so it does not matter in which order, or in how many parts, a
window was read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Self

import numpy as np
import pyarrow as pa

from .arrays import CodeArray, FloatArray, IntArray
from .categories import Unseen
from .schema_changes import SchemaChange
from .sums import ExactSum
from .value_samples import ValueSample

ZERO, NOTHING_UNSEEN = ExactSum(), Unseen()
ADDED = ("finite", "distances", "squares", "rows_below", "rows_above", "below", "above")
"""Fields of `Moments` that add up when windows merge."""
UNLIKE = "Profiles of different baselines cannot be merged."

type KeptValues = tuple[tuple[FloatArray, CodeArray], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericSummary:
    """Minimum, maximum, mean and standard deviation (n − 1) of the finite values; None where undefined."""

    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """The range and sums of finite values, about a centre that the baseline has frozen.

    Attributes:
        finite: How many.
        minimum: The least; inf when there is none.
        maximum: The greatest; −inf when there is none.
        distances: Σ (x − centre).
        squares: Σ (x − centre)².
        rows_below: How many lie below the reference's minimum.
        rows_above: How many lie above its maximum.
        below: Σ (reference minimum − x) over the values below it.
        above: Σ (x − reference maximum) over the values above it.
    """

    finite: int = 0
    minimum: float = np.inf
    maximum: float = -np.inf
    distances: ExactSum = ZERO
    squares: ExactSum = ZERO
    rows_below: int = 0
    rows_above: int = 0
    below: ExactSum = ZERO
    above: ExactSum = ZERO

    def __add__(self, other: Self) -> Self:
        added = {name: getattr(self, name) + getattr(other, name) for name in ADDED}
        return replace(
            self,
            minimum=min(self.minimum, other.minimum),
            maximum=max(self.maximum, other.maximum),
            **added,
        )

    def summary(self, centre: float) -> NumericSummary:
        """The usual four figures."""
        if not self.finite:
            return NumericSummary()
        return NumericSummary(
            minimum=self.minimum,
            maximum=self.maximum,
            mean=self._mean(centre),
            std=self._std(),
        )

    def _mean(self, centre: float) -> float | None:
        shift = self.distances.over(self.finite)
        return None if shift is None else _finite_or_none(centre + shift)

    def _std(self) -> float | None:
        variance = self._variance()
        return None if variance is None else _finite_or_none(float(np.sqrt(variance)))

    def _variance(self) -> float | None:
        """n/(n − 1)·(E[(x − c)²] − E[x − c]²) of exact sums, about the centre c."""
        shift, squared = self.distances.over(self.finite), self.squares.over(self.finite)
        if shift is None or squared is None:
            return None
        return max(0.0, squared - shift * shift) * self.finite / max(1, self.finite - 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumericProfile:
    """A window of a numeric feature.

    Attributes:
        counts: Shape (cells,), rows with a number, ±inf among them in the outermost cells.
        nulls: Rows without a value.
        nans: Rows that are not a number.
        moments: Of the finite values.
        values: The values themselves, in chunks beside each one's cell, as long as they are few enough to be kept;
            None when they are not.
        sample: A sample of the rows, where one was asked for.
    """

    counts: IntArray
    nulls: int = 0
    nans: int = 0
    moments: Moments = Moments()
    values: KeptValues | None = ()
    sample: ValueSample | None = None

    @property
    def rows(self) -> int:
        """Rows with a number."""
        return int(self.counts.sum())

    @property
    def missing(self) -> int:
        """Rows that no test can use."""
        return self.nulls + self.nans

    @property
    def infinite(self) -> int:
        """Rows that are ±inf."""
        return self.rows - self.moments.finite

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            counts=self.counts + other.counts,
            nulls=self.nulls + other.nulls,
            nans=self.nans + other.nans,
            moments=self.moments + other.moments,
            values=self._kept_with(other),
            sample=self._sample_with(other),
        )

    def _kept_with(self, other: Self) -> KeptValues | None:
        """The values of both windows, unless one of them has not kept its own."""
        if self.values is None or other.values is None:
            return None
        return self.values + other.values

    def _sample_with(self, other: Self) -> ValueSample | None:
        """The sample of both windows; a window without rows has none, and needs none."""
        if self.sample is None or other.sample is None:
            return self.sample if not other._held else other.sample if not self._held else None
        return self.sample + other.sample

    @property
    def _held(self) -> int:
        return self.rows + self.missing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CategoricalProfile:
    """A window of a categorical feature.

    Attributes:
        counts: Shape (categories,), rows of each category that the baseline names.
        unseen: The categories that it does not name.
        nulls: Rows without a category, NaN among them.
    """

    counts: IntArray
    unseen: Unseen = NOTHING_UNSEEN
    nulls: int = 0

    @property
    def rows(self) -> int:
        """Rows with a category."""
        return int(self.counts.sum()) + self.unseen.rows

    @property
    def missing(self) -> int:
        """Rows that no test can use."""
        return self.nulls

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            counts=self.counts + other.counts,
            unseen=self.unseen + other.unseen,
            nulls=self.nulls + other.nulls,
        )


type FeatureProfile = NumericProfile | CategoricalProfile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unprofiled:
    """A feature whose window could not be read.

    Attributes:
        reason: A sentence for people.
        change: The change of the column that is the cause; None for any other cause.
    """

    reason: str
    change: SchemaChange | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """A window, feature by feature.

    Attributes:
        rows: Rows of the window.
        features: Each feature's profile by its name, or why there is none.
        slices: The profile of each slice by its name; those have none of their own.
    """

    rows: int
    features: Mapping[str, FeatureProfile | Unprofiled] = field(default_factory=dict)
    slices: Mapping[str, "Profile"] = field(default_factory=dict)

    @classmethod
    def merge(cls, profiles: Iterable[Self]) -> Self:
        """The profile of the windows taken together, whatever their order.

        Raises:
            ValueError: If there is none, or they are not of one baseline.
        """
        rest = iter(profiles)
        if (first := next(rest, None)) is None:
            raise ValueError("There is no profile to merge.")
        return reduce(cls._merge_two, rest, first)

    def _merge_two(self, other: Self) -> Self:
        alike = self.features.keys() == other.features.keys()
        if not alike or self.slices.keys() != other.slices.keys():
            raise ValueError(UNLIKE)
        merged = {name: _add(mine, other.features[name]) for name, mine in self.features.items()}
        slices = {name: mine._merge_two(other.slices[name]) for name, mine in self.slices.items()}
        return replace(self, rows=self.rows + other.rows, features=merged, slices=slices)


def _add(
    left: FeatureProfile | Unprofiled, right: FeatureProfile | Unprofiled
) -> FeatureProfile | Unprofiled:
    if isinstance(left, Unprofiled) or isinstance(right, Unprofiled):
        return _first_reason(left, right)
    if isinstance(left, NumericProfile) and isinstance(right, NumericProfile):
        return left + right
    if isinstance(left, CategoricalProfile) and isinstance(right, CategoricalProfile):
        return left + right
    raise ValueError(UNLIKE)


def _first_reason(*features: FeatureProfile | Unprofiled) -> Unprofiled:
    """The first by the alphabet, so that the order of merging does not matter."""
    unprofiled = (each for each in features if isinstance(each, Unprofiled))
    return min(unprofiled, key=lambda each: (each.reason, each.change or ""))


def _finite_or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None


type Column = pa.Array | pa.ChunkedArray
