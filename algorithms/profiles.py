"""What a baseline keeps of one feature."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from algorithms.columns import CategoryCounts, FeatureKind, FloatArray, IntArray, sorted_sample

MAX_CATEGORIES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericSummary:
    """Minimum, maximum, mean and standard deviation (n − 1) of the finite values; None where undefined."""

    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumericReference:
    """A numeric feature of the reference window.

    Attributes:
        name: The column it was read from.
        n: Rows with a number, in the whole window.
        nulls: Rows without one, nulls and NaN alike.
        summary: Of the whole window.
        values: Shape (kept,), ascending; the whole window or a uniform sample of its rows.
    """

    name: str
    n: int
    nulls: int
    summary: NumericSummary
    values: FloatArray

    kind = FeatureKind.NUMERIC

    @property
    def usable_rows(self) -> int:
        """Rows that a test can use."""
        return len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CategoricalReference:
    """A categorical feature of the reference window.

    Attributes:
        name: The column it was read from.
        n: Rows with a category.
        nulls: Rows without one.
        categories: The most frequent names, at most 100,000, as an Arrow `large_string` array.
        counts: Shape (k,), rows of each of them, descending.
        other: Rows of all further categories.
    """

    name: str
    n: int
    nulls: int
    categories: pa.Array
    counts: IntArray
    other: int

    kind = FeatureKind.CATEGORICAL

    @property
    def usable_rows(self) -> int:
        """Rows that a test can use."""
        return self.n


type FeatureReference = NumericReference | CategoricalReference


def summarize(values: FloatArray) -> NumericSummary:
    """Summarize values of shape (n,), leaving NaN and ±inf out."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return NumericSummary()
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(finite.mean()), float(finite.std(ddof=1)) if len(finite) > 1 else 0.0
    return NumericSummary(
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        mean=mean if np.isfinite(mean) else None,
        std=std if np.isfinite(std) else None,
    )


def profile_numeric(name: str, values: FloatArray, kept_rows: IntArray | None) -> NumericReference:
    """Profile a numeric column of shape (rows,), NaN where null, keeping the values of some rows or of all."""
    nulls = int(np.count_nonzero(np.isnan(values)))
    kept = sorted_sample(values if kept_rows is None else values[kept_rows]).values
    kept.flags.writeable = False
    return NumericReference(name=name, n=len(values) - nulls, nulls=nulls, summary=summarize(values), values=kept)


def profile_categorical(name: str, counted: CategoryCounts) -> CategoricalReference:
    """Profile a categorical column, most frequent categories first, ties by name."""
    table = pa.table({"category": counted.categories, "count": counted.counts})
    ordered = table.sort_by([("count", "descending"), ("category", "ascending")]).combine_chunks()
    kept = ordered.slice(0, MAX_CATEGORIES)
    counts = kept.column("count").to_numpy()
    return CategoricalReference(
        name=name,
        n=counted.rows,
        nulls=counted.nulls,
        categories=pa.concat_arrays(kept.column("category").chunks or [pa.array([], pa.large_string())]),
        counts=counts,
        other=counted.rows - int(counts.sum()),
    )
