"""Draws what people see of a window: each feature's shares on a few cells, its quantiles and nulls.

The cells of a picture are the baseline's frozen cells, merged by a rule that reads the reference
alone, so all windows of a baseline version have the same. A picture is a short list of JSON values,
to be stored; `algorithms.picture_format` reads it again.
"""

import math
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arrays import FloatArray, IntArray
from .columns import FeatureKind
from .kernels.group_sums import sum_groups
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

type Drawn = list[Any]
"""The picture of one feature, as JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumericFrame:
    """The cells of a numeric feature's pictures, and the reference on them.

    Attributes:
        starts: Shape (k,), the first frozen cell of each cell.
        edges: Length k − 1, the upper ends of all cells but the last.
        shares: Length k, of the reference, in units.
        quantiles: Of the reference, at `QUANTILES`.
        step: The unit of quantiles, in the feature's own.
        ends: The least and the greatest value of the reference.
        nulls: The share of rows without a number.
        origin: A whole number to add to edges, quantiles and ends; None where they are the numbers.
    """

    starts: IntArray
    edges: tuple[float, ...]
    shares: tuple[int, ...]
    quantiles: tuple[float | None, ...]
    step: float
    ends: tuple[float | None, float | None]
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
    sums, quantiles = _sums_and_quantiles(reference, starts, reference.counts, ends)
    return NumericFrame(
        starts=starts,
        edges=tuple(reference.grid.edges[starts[1:] - 1].tolist()),
        shares=tuple(_shares(sums, int(reference.counts.sum()))),
        quantiles=tuple(quantiles),
        step=_step(quantiles),
        ends=ends,
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
    return starts[is_finite].astype(np.int64)


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


def _sums_and_quantiles(
    reference: NumericReference,
    starts: IntArray,
    counts: IntArray,
    ends: tuple[float | None, float | None],
) -> tuple[IntArray, list[float | None]]:
    """The rows of each cell of a picture, and the quantiles of the counts.

    A quantile lies in the frozen cell that holds its rank, and is interpolated there; so it is off
    by the width of that cell at most. The outermost cells end at the least and the greatest value.
    """
    rows = int(counts.sum())
    sums = np.empty(len(starts), np.int64)
    cells, before = np.zeros(len(QUANTILES), np.int64), np.zeros(len(QUANTILES), np.int64)
    ranks = _LEVELS * rows
    sum_groups(counts, starts, ranks if rows else ranks[:0], sums, cells, before)
    if not rows or ends[0] is None or ends[1] is None:
        return sums, [None] * len(QUANTILES)
    parts = (ranks - before) / counts[cells]
    return sums, _interpolated(reference.grid.edges, cells, parts, ends[0], ends[1])


def _interpolated(
    edges: FloatArray, cells: IntArray, parts: FloatArray, low: float, high: float
) -> list[float | None]:
    """The places in cells of a grid, kept between the least and the greatest value."""
    last = len(edges)
    found: list[float | None] = []
    for cell, part in zip(cells.tolist(), parts.tolist(), strict=True):
        lower = max(low, float(edges[cell - 1])) if cell else low
        upper = min(high, float(edges[cell])) if cell < last else high
        # not lower + part * (upper - lower), whose difference may be larger than any float
        place = lower * (1 - part) + upper * part
        found.append(min(max(place, low), high))
    return found


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
    moments, rows = profile.moments, profile.rows
    ends = (moments.minimum, moments.maximum) if moments.finite else (None, None)
    sums, quantiles = _sums_and_quantiles(reference, frame.starts, profile.counts, ends)
    drawn: Drawn = [
        rows,
        _rate(profile.missing, rows + profile.missing),
        _rate(moments.rows_below, rows),
        _rate(moments.rows_above, rows),
        _shares(sums, rows),
    ]
    if is_sensitive:
        return drawn
    values = [*quantiles, *ends]
    usual = [*frame.quantiles, *frame.ends]
    steps = [_steps(value, base, frame.step) for value, base in zip(values, usual, strict=True)]
    return [*drawn, steps]


def _steps(value: float | None, base: float | None, step: float) -> float | None:
    """A value as steps from the reference's; whole as far as a float of JSON is exact."""
    if value is None:
        return None
    steps = value / step - (base or 0.0) / step
    if not math.isfinite(steps):
        return None
    return round(steps) if abs(steps) < LARGEST_STEPS else steps


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
    return [*drawn, _examples(profile), _risen(reference, profile)]


def _examples(profile: CategoricalProfile) -> list[list[Any]]:
    """The most frequent new categories, each with its share of the window."""
    counts = profile.unseen.counts
    if not counts:
        return []
    names = sorted(counts, key=lambda name: (-counts[name], name))[:MOST_EXAMPLES]
    return [[_short(name), _share(counts[name], profile.rows)] for name in names]


def _risen(reference: CategoricalReference, profile: CategoricalProfile) -> list[list[Any]]:
    """The most frequent of the reference's further categories, with both shares, where one rose."""
    known, found = reference.counts[MOST_CATEGORIES:], profile.counts[MOST_CATEGORIES:]
    if not len(found) or not profile.rows:
        return []
    rise = found / profile.rows - known / reference.n
    places = np.argsort(-rise, kind="stable")[:MOST_EXAMPLES]
    shares = [
        (place, _share(int(known[place]), reference.n), _share(int(found[place]), profile.rows))
        for place in places[rise[places] * SHARE_UNITS >= 1].tolist()
    ]
    names = reference.categories
    return [
        [_short(names[MOST_CATEGORIES + place].as_py()), usual, now] for place, usual, now in shares
    ]


def _short(name: str) -> str:
    """A category as JSON in PostgreSQL keeps it, cut if it is long."""
    return name[:LONGEST_NAME].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _shares(counts: IntArray, rows: int) -> list[int]:
    if not rows:
        return [0] * len(counts)
    shares: list[int] = np.rint(counts * (SHARE_UNITS / rows)).astype(np.int64).tolist()
    return shares


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
