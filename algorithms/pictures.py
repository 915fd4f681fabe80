"""Draws what people see of a window: each feature's shares on a few cells, its quantiles and nulls.

The cells of a picture are the baseline's frozen cells, merged by a rule that reads the reference
alone, so all windows of a baseline version have the same. A picture is a short list of JSON values,
to be stored; `algorithms.picture_format` reads it again.
"""

import math
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from typing import Any

import numpy as np

from .arrays import FloatArray, IntArray
from .columns import FeatureKind
from .kernels.picture_cells import draw_cells
from .profiles import CategoricalProfile, FeatureProfile, NumericProfile, Unprofiled
from .references import CategoricalReference, FeatureReference, NumericReference

MASS_CELLS = 28
"""Cells of about equally many rows of the reference."""
STEPS = 8
"""Equal steps from the 1 % to the 99 % quantile, whose ends cut the cells further: a gap is seen."""
MOST_CELLS = MASS_CELLS + STEPS - 1
MOST_CATEGORIES = 20
MOST_EXAMPLES = 5
LONGEST_NAME = 60
"""Characters of a category that a picture keeps."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
SHARE_UNITS = 10_000
"""Shares are kept in units of 0.01 %."""
STEPS_OF_SPREAD = 2_000
"""Quantiles are kept to this part of the distance between the reference's 1 % and 99 % quantiles."""
RATE_DIGITS = 6
LARGEST_STEPS = 2**53
_LEVELS = np.array(QUANTILES)
_NO_RANKS = np.empty(0)
_UNKNOWN: list[float | None] = [None] * len(QUANTILES)

type Drawn = list[Any]
"""The picture of one feature, as JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumericFrame:
    """The cells of a numeric feature's pictures, and the reference on them.

    Attributes:
        starts: Shape (k,), the first frozen cell of each cell.
        edges: Length k − 1, the upper ends of all cells but the last.
        shares: Length k, of the reference, in units.
        usual: The reference's quantiles, at `QUANTILES`, then its least and greatest value.
        step: The unit of quantiles and ends, in the feature's own.
        nulls: The share of rows without a number.
        origin: A whole number to add to edges, quantiles and ends; None where they are the numbers.
    """

    starts: IntArray
    edges: tuple[float, ...]
    shares: tuple[int, ...]
    usual: tuple[float | None, ...]
    step: float
    nulls: float
    origin: int | None = None

    kind = FeatureKind.NUMERIC


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryFrame:
    """The categories of a feature's pictures, and the reference's shares.

    Attributes:
        names: The most frequent categories of the reference.
        shares: Of each of them, in units.
        other: The share of the reference's further categories.
        nulls: The share of rows without a category.
    """

    names: tuple[str, ...]
    shares: tuple[int, ...]
    other: int
    nulls: float

    kind = FeatureKind.CATEGORICAL


type Frame = NumericFrame | CategoryFrame
type Frames = Mapping[str, Frame]


def frame_of(reference: FeatureReference) -> Frame:
    """The frame of a feature's pictures; the same for the same reference."""
    if isinstance(reference, NumericReference):
        return _numeric_frame(reference)
    return _category_frame(reference)


def _numeric_frame(reference: NumericReference) -> NumericFrame:
    starts = merge_cells(reference.grid.edges, reference.counts)
    ends = (reference.summary.minimum, reference.summary.maximum)
    shares, quantiles = _read_counts(reference, starts, reference.counts, ends)
    return NumericFrame(
        starts=starts,
        edges=tuple(reference.grid.edges[starts[1:] - 1].tolist()),
        shares=tuple(shares),
        usual=(*quantiles, *ends),
        step=_step(quantiles),
        nulls=_rate(reference.missing, reference.n + reference.missing),
        origin=reference.origin,
    )


def merge_cells(edges: FloatArray, counts: IntArray) -> IntArray:
    """The first frozen cell of each cell of a picture.

    Cells hold about 1/28 of the reference each. A frozen cell that holds twice as many rows is a
    frequent value, and stands alone. Equal steps through the middle 98 % cut further.

    Args:
        edges: Shape (cells − 1,), the frozen grid's.
        counts: Shape (cells,), the reference's rows.

    Returns:
        Shape (k,), ascending from 0, with k at most `MOST_CELLS`.
    """
    total, reached = int(counts.sum()), np.cumsum(counts)
    if not total:
        return np.zeros(1, np.int64)
    wanted = np.arange(1, MASS_CELLS) * total
    after_mass = np.searchsorted(reached * MASS_CELLS, wanted) + 1
    before_frequent = np.flatnonzero(counts * MASS_CELLS >= 2 * total)
    after_steps = _cells_after_steps(edges, reached, total)
    starts = np.unique(np.concatenate([[0], after_mass, before_frequent, after_steps]))
    starts = starts[starts < len(counts)]
    is_finite = np.append(True, np.isfinite(edges[starts[1:] - 1]))
    kept: IntArray = starts[is_finite].astype(np.int64)
    return kept


def _cells_after_steps(edges: FloatArray, reached: IntArray, total: int) -> IntArray:
    """The cells behind the edges nearest above equal steps from the 1 % to the 99 % quantile."""
    ends = np.searchsorted(reached, [math.ceil(total * level) for level in (0.01, 0.99)])
    low, high = (edges[min(int(end), len(edges) - 1)] if len(edges) else 0.0 for end in ends)
    if not np.isfinite(low) or not np.isfinite(high) or low >= high:
        return np.empty(0, np.int64)
    # halved, as the whole range may be wider than the largest float
    places = 2 * (low / 2 + (high / 2 - low / 2) * (np.arange(1, STEPS) / STEPS))
    found: IntArray = np.searchsorted(edges, places) + 1
    return found


def _read_counts(
    reference: NumericReference,
    starts: IntArray,
    counts: IntArray,
    ends: tuple[float | None, float | None],
) -> tuple[list[int], list[float | None]]:
    """The share of each cell of a picture, in units, and the quantiles of the counts.

    A quantile lies in the frozen cell that holds its rank, and is interpolated there; so it is off
    by the width of that cell at most. The outermost cells end at the least and the greatest value.
    """
    rows, shares = int(counts.sum()), np.zeros(len(starts), np.int64)
    if not rows or ends[0] is None or ends[1] is None:
        draw_cells(counts, starts, reference.grid.edges, _LEVELS, _NO_RANKS, 1.0, shares, _NO_RANKS)
        return [round(each * SHARE_UNITS / max(rows, 1)) for each in shares.tolist()], _UNKNOWN
    quantiles, scale = np.empty(len(QUANTILES)), SHARE_UNITS / rows
    bounds, ranks = np.array(ends), _LEVELS * rows
    draw_cells(counts, starts, reference.grid.edges, bounds, ranks, scale, shares, quantiles)
    return shares.tolist(), [*quantiles.tolist()]


def _step(quantiles: list[float | None]) -> float:
    """A step for quantiles: a part of the reference's spread, or of its size where it has none."""
    low, high = quantiles[0], quantiles[-1]
    if low is None or high is None:
        return 1.0
    spread = high - low
    if sys.float_info.min * STEPS_OF_SPREAD <= spread < math.inf:
        return spread / STEPS_OF_SPREAD
    return max(1.0, min(abs(low), 1e300)) / STEPS_OF_SPREAD


def _category_frame(reference: CategoricalReference) -> CategoryFrame:
    top = reference.counts[:MOST_CATEGORIES]
    names = reference.categories[:MOST_CATEGORIES].to_pylist()
    return CategoryFrame(
        names=tuple(_short(name) for name in names),
        shares=tuple(_shares(top, reference.n)),
        other=_share(reference.n - int(top.sum()), reference.n),
        nulls=_rate(reference.nulls, reference.n + reference.nulls),
    )


def draw(
    frame: Frame,
    reference: FeatureReference,
    profile: FeatureProfile | Unprofiled,
    *,
    is_sensitive: bool,
) -> Drawn:
    """The picture of one feature's window.

    Args:
        frame: Of the same reference.
        reference: The feature's.
        profile: The counted window.
        is_sensitive: True for shares alone, without a value, a name or a reason that holds one.
    """
    if isinstance(profile, Unprofiled):
        return [] if is_sensitive else [profile.reason[:LONGEST_NAME]]
    if isinstance(profile, NumericProfile):
        assert isinstance(frame, NumericFrame)
        assert isinstance(reference, NumericReference)
        return _draw_numeric(frame, reference, profile, is_sensitive=is_sensitive)
    assert isinstance(frame, CategoryFrame)
    assert isinstance(reference, CategoricalReference)
    return _draw_categories(frame, reference, profile, is_sensitive=is_sensitive)


def _draw_numeric(
    frame: NumericFrame, reference: NumericReference, profile: NumericProfile, *, is_sensitive: bool
) -> Drawn:
    moments, rows, missing = profile.moments, profile.rows, profile.missing
    ends = (moments.minimum, moments.maximum) if moments.finite else (None, None)
    shares, quantiles = _read_counts(reference, frame.starts, profile.counts, ends)
    below, above = _rate(moments.rows_below, rows), _rate(moments.rows_above, rows)
    drawn: Drawn = [rows, _rate(missing, rows + missing), below, above, shares]
    return drawn if is_sensitive else [*drawn, _all_steps(frame, [*quantiles, *ends])]


def _all_steps(frame: NumericFrame, values: list[float | None]) -> list[float | None]:
    """Values as steps from the reference's."""
    pairs = zip(values, frame.usual, strict=True)
    return [_steps(value, base, frame.step) for value, base in pairs]


def _steps(value: float | None, base: float | None, step: float) -> float | None:
    """A value as steps from the reference's; whole as far as a float of JSON is exact."""
    if value is None:
        return None
    # not (value - base) / step, as the difference of two numbers may be larger than any float
    steps = value / step - (base or 0.0) / step
    if -LARGEST_STEPS < steps < LARGEST_STEPS:
        return round(steps)
    return steps if math.isfinite(steps) else None


def _draw_categories(
    frame: CategoryFrame,
    reference: CategoricalReference,
    profile: CategoricalProfile,
    *,
    is_sensitive: bool,
) -> Drawn:
    rows, unseen = profile.rows, profile.unseen
    top = profile.counts[:MOST_CATEGORIES]
    drawn: Drawn = [
        rows,
        _rate(profile.nulls, rows + profile.nulls),
        _shares(top, rows),
        _share(rows - unseen.rows - int(top.sum()), rows),
        _rate(unseen.rows, rows),
        len(unseen.counts),
    ]
    if is_sensitive:
        return drawn
    return [*drawn, _examples(profile, rows), _risen(reference, profile, rows)]


def _examples(profile: CategoricalProfile, rows: int) -> list[list[Any]]:
    """The most frequent new categories, each with its share of the window."""
    counts = profile.unseen.counts
    if not counts:
        return []
    # Sorting all names takes ten times as long where there are thousands.
    least = nlargest(MOST_EXAMPLES, counts.values())[-1]
    frequent = [name for name, count in counts.items() if count > least]
    tied = nsmallest(MOST_EXAMPLES, (name for name, count in counts.items() if count == least))
    names = [*sorted(frequent, key=lambda name: (-counts[name], name)), *tied][:MOST_EXAMPLES]
    return [[_short(name), _share(counts[name], rows)] for name in names]


def _risen(
    reference: CategoricalReference, profile: CategoricalProfile, rows: int
) -> list[list[Any]]:
    """The most frequent of the reference's further categories, with both shares, where one rose."""
    known, found = reference.counts[MOST_CATEGORIES:], profile.counts[MOST_CATEGORIES:]
    if not len(found) or not rows:
        return []
    rise = found * (1 / rows) - known * (1 / reference.n)
    most = min(MOST_EXAMPLES, len(rise))
    largest = np.argpartition(rise, len(rise) - most)[-most:].tolist()
    places = sorted(largest, key=lambda place: (-rise[place], place))
    return [
        [
            _short(reference.categories[MOST_CATEGORIES + place].as_py()),
            _share(int(known[place]), reference.n),
            _share(int(found[place]), rows),
        ]
        for place in places
        if rise[place] * SHARE_UNITS >= 1
    ]


def _short(name: str) -> str:
    """A category as JSON in PostgreSQL keeps it, cut if it is long."""
    return name[:LONGEST_NAME].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _shares(counts: IntArray, rows: int) -> list[int]:
    if not rows:
        return [0] * len(counts)
    return [round(count * SHARE_UNITS / rows) for count in counts.tolist()]


def _share(count: int, rows: int) -> int:
    return round(count * SHARE_UNITS / rows) if rows else 0


def _rate(count: int, rows: int) -> float:
    """A share as a float, exact enough for rare rows; 0 and 1 as whole numbers, which are shorter."""
    if not count or not rows:
        return 0
    return 1 if count == rows else float(f"{count / rows:.{RATE_DIGITS}g}")


@dataclass(slots=True, kw_only=True)
class Drawing:
    """The pictures of a window, feature by feature, as they are counted.

    Attributes:
        frames: Of the baseline.
        sensitive: The features of which no value is kept.
        drawn: The pictures so far.
    """

    frames: Frames
    sensitive: Collection[str] = ()
    drawn: dict[str, Drawn] = field(default_factory=dict)

    def add(self, reference: FeatureReference, profile: FeatureProfile | Unprofiled) -> None:
        """Draw one feature; features may come from several threads."""
        name = reference.name
        is_sensitive = name in self.sensitive
        self.drawn[name] = draw(self.frames[name], reference, profile, is_sensitive=is_sensitive)
