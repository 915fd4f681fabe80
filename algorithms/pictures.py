"""Draws what people see of a window: each feature's shares on a few cells, its quantiles and nulls.

The cells of a picture are the baseline's frozen cells, merged by a rule that reads the reference
alone, so all windows of a baseline version have the same. A picture is the text of a short JSON list,
to be stored; `algorithms.picture_format` reads it again.
"""

import json
import math
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nlargest, nsmallest
from typing import Any, Final

import numpy as np

from .arrays import FloatArray, IntArray
from .columns import FeatureKind
from .kernels.picture_cells import LEVELS, SHARE_UNITS, draw_cells
from .kernels.picture_text import find_risen, write_categories, write_numeric
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
QUANTILES = tuple(LEVELS.tolist())
RATE_DIGITS = 6
STEPS_OF_SPREAD = 2_000
"""Quantiles are kept to this part of the distance between the reference's 1 % and 99 % quantiles."""
LONGEST_TEXT = 1024
"""Letters of a picture without names: 35 shares of 6, 13 numbers of at most 24."""
NOTHING: Final = b"[]"
_NO_VALUES = np.empty(0)

type Drawn = bytes
"""The picture of one feature, as the text of a JSON list."""


@dataclass(frozen=True, kw_only=True, eq=False)
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

    @cached_property
    def bases(self) -> FloatArray:
        """`usual`, with 0 for what the reference does not have."""
        return np.array([value or 0.0 for value in self.usual])


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
    shares, quantiles = _read_reference(reference, starts)
    return NumericFrame(
        starts=starts,
        edges=tuple(reference.grid.edges[starts[1:] - 1].tolist()),
        shares=tuple(shares),
        usual=(*quantiles, *ends),
        step=_step(quantiles),
        nulls=rate(reference.missing, reference.n + reference.missing),
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


def _read_reference(
    reference: NumericReference, starts: IntArray
) -> tuple[list[int], list[float | None]]:
    """The share of each cell of a picture, in units, and the reference's quantiles.

    A quantile lies in the frozen cell that holds its rank, and is interpolated there; so it is off
    by the width of that cell at most. The outermost cells end at the least and the greatest value.
    """
    low, high = reference.summary.minimum, reference.summary.maximum
    shares, quantiles = np.zeros(len(starts), np.int64), np.empty(len(QUANTILES))
    ends = (low or 0.0, high or 0.0)
    rows = draw_cells(reference.counts, starts, reference.grid.edges, *ends, shares, quantiles)
    if not rows or low is None or high is None:
        return shares.tolist(), [None] * len(QUANTILES)
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
        nulls=rate(reference.nulls, reference.n + reference.nulls),
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
        return NOTHING if is_sensitive else _as_json([profile.reason[:LONGEST_NAME]])
    if isinstance(profile, NumericProfile):
        assert isinstance(frame, NumericFrame)
        assert isinstance(reference, NumericReference)
        return _draw_numeric(frame, reference, profile, is_sensitive=is_sensitive)
    assert isinstance(reference, CategoricalReference)
    return _draw_categories(reference, profile, is_sensitive=is_sensitive)


def _draw_numeric(
    frame: NumericFrame, reference: NumericReference, profile: NumericProfile, *, is_sensitive: bool
) -> Drawn:
    moments, text = profile.moments, np.empty(LONGEST_TEXT, np.uint8)
    length = write_numeric(
        profile.counts,
        frame.starts,
        reference.grid.edges,
        moments.minimum,
        moments.maximum,
        _NO_VALUES if is_sensitive else frame.bases,
        frame.step,
        profile.missing,
        moments.rows_below,
        moments.rows_above,
        text,
    )
    return text[:length].tobytes()


def _draw_categories(
    reference: CategoricalReference, profile: CategoricalProfile, *, is_sensitive: bool
) -> Drawn:
    unseen, text = profile.unseen, np.empty(LONGEST_TEXT, np.uint8)
    new = unseen.rows, len(unseen.counts)
    length = write_categories(profile.counts, MOST_CATEGORIES, profile.nulls, *new, text)
    drawn = text[:length].tobytes()
    is_named = not is_sensitive and (unseen.rows or len(profile.counts) > MOST_CATEGORIES)
    return drawn[:-1] + _names(reference, profile) if is_named else drawn


def _names(reference: CategoricalReference, profile: CategoricalProfile) -> bytes:
    """The end of a list: new categories, and the reference's further ones that became more frequent."""
    rows = profile.rows
    found = [_examples(profile, rows), _risen(reference, profile, rows)]
    return b"," + _as_json(found)[1:]


def _as_json(values: list[Any]) -> bytes:
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="replace")


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
    places = np.empty(MOST_EXAMPLES, np.int64)
    count = find_risen(known, found, reference.n, rows, 1 / SHARE_UNITS, places)
    return [
        [
            _short(reference.categories[MOST_CATEGORIES + place].as_py()),
            _share(int(known[place]), reference.n),
            _share(int(found[place]), rows),
        ]
        for place in places[:count].tolist()
    ]


def _short(name: str) -> str:
    """A category as JSON in PostgreSQL keeps it, cut if it is long."""
    return name[:LONGEST_NAME].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _shares(counts: IntArray, rows: int) -> list[int]:
    return [_share(count, rows) for count in counts.tolist()]


def _share(count: int, rows: int) -> int:
    return int(count * SHARE_UNITS / rows + 0.5) if rows else 0


def rate(count: int, rows: int) -> float:
    """A share as a float, exact enough for rare rows."""
    return float(f"{count / rows:.{RATE_DIGITS}g}") if rows else 0.0


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
