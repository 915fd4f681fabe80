"""Detects changes by adaptive windowing, in streams of any bounded numbers."""

from dataclasses import dataclass, field

import numpy as np

from ..arrays import FloatArray, IntArray
from ..kernels.compiler import jit
from .detector import DRIFT, Detector, SignalArray
from .detector_spec import DetectorSpec

LEVELS = 60
"""A bucket of level l holds 2**l observations; no stream outgrows them."""
BLOCK = 256
"""Values taken at once: the more, the less work for each, and the more places that a check has to try."""
ROUNDING = 1e-12
"""More than some thousand additions lose, relative to the largest sum among them."""


@dataclass(slots=True, kw_only=True)
class ADWIN(Detector):
    """ADaptive WINdowing: alarms when two parts of the window since the last drift have too different means.

    The window is kept as sums of 1, 2, 4, … observations, at most `max_buckets` of each, so memory and the time of a
    check grow with its logarithm. Every `clock` observations each border between two buckets is tried as the change
    point, against Bernstein's bound. It sees means rise and fall. With its defaults it answers as river 0.26's
    `drift.ADWIN` does.

    Source: Bifet, Gavaldà: Learning from time-changing data with adaptive windowing. SDM 2007.

    Attributes:
        delta: Confidence, lower for fewer alarms.
        clock: Observations between checks.
        max_buckets: Buckets of one size kept; more find the change point more precisely.
        min_window_length: Observations that either part must have.
        grace_period: Observations after a start without an answer.
        n: Observations since the last drift.
        total: Their sum.
        squares: Sum of their squared deviations from the mean.
        buckets: Sums, oldest first, of the buckets of each level.
    """

    delta: float = 0.002
    clock: int = 32
    max_buckets: int = 5
    min_window_length: int = 5
    grace_period: int = 10

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    buckets: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        counts = (self.clock, self.max_buckets, self.min_window_length)
        if not 0 < self.delta < 1 or min(counts) < 1:
            raise ValueError(
                "ADWIN: 0 < delta < 1; clock, max_buckets and min_window_length are at least 1."
            )

    def _advance(
        self, values: FloatArray, start: int, signals: SignalArray, changes: FloatArray
    ) -> tuple[int, int]:
        sums, sizes = self._unpacked_buckets()
        state = np.array([self.n, self.total, self.squares])
        settings = (self.delta, self.clock, self.min_window_length, self.grace_period)
        reached, count = advance_adwin(
            values, start, *settings, sums, sizes, state, signals, changes
        )
        width, self.total, self.squares = state.tolist()
        self.n = int(width)
        self._pack_buckets(sums, sizes)
        return int(reached), int(count)

    def _unpacked_buckets(self) -> tuple[FloatArray, IntArray]:
        """Sums, shape (levels, max_buckets + BLOCK), and how many of them each level uses."""
        sums = np.empty((LEVELS, self.max_buckets + BLOCK))
        sizes = np.zeros(LEVELS, np.int64)
        for level, kept in enumerate(self.buckets):
            sums[level, : len(kept)] = kept
            sizes[level] = len(kept)
        return sums, sizes

    def _pack_buckets(self, sums: FloatArray, sizes: IntArray) -> None:
        """Keep the levels up to the last that has a bucket."""
        levels = np.flatnonzero(sizes)[-1] + 1 if sizes.any() else 0
        self.buckets = [sums[level, : sizes[level]].tolist() for level in range(levels)]


@jit
def advance_adwin(
    values: FloatArray, start: int, delta: float, clock: int, shortest: int, grace: int, sums: FloatArray,
    sizes: IntArray, state: FloatArray, signals: SignalArray, changes: FloatArray,
) -> tuple[int, int]:  # fmt: skip
    """ADWIN over values, shape (n,), from `start`; `state` holds the width, the total and the squares.

    `sums`, shape (levels, max_buckets + BLOCK), has room in each level for all that a block may bring.
    """
    totals, squares = np.empty(BLOCK + 1), np.empty(BLOCK + 1)
    borders, until = np.empty(sums.size), np.empty(sums.size)
    found, row, evidence, known_at = 0, start, 0.0, 0
    while row < len(values) and found < len(changes):
        block, width = values[row : row + BLOCK], int(state[0])
        if not known_at <= width <= known_at + known_at // 8:  # it grows with the width, and slowly
            known_at = max(width, 2)
            evidence = np.log(2 * np.log(known_at) / delta)
        _add(block, state, totals, squares)
        taken, length, after = _first_cut(
            block,
            width,
            delta,
            clock,
            shortest,
            grace,
            evidence,
            totals,
            squares,
            sums,
            sizes,
            borders,
            until,
        )
        row += taken
        if length:
            signals[row - 1] = DRIFT
            changes[found, 0], changes[found, 1] = row - 1, length
            changes[found, 2] = (totals[taken] - after) / (width + taken - length)
            changes[found, 3] = after / length
            found += 1
            state[:] = 0.0
            sizes[:] = 0
    return row, found


@jit
def _first_cut(
    block: FloatArray, width: int, delta: float, clock: int, shortest: int, grace: int, evidence: float,
    totals: FloatArray, squares: FloatArray, sums: FloatArray, sizes: IntArray, borders: FloatArray, until: FloatArray,
) -> tuple[int, int, float]:  # fmt: skip
    """Put a block into the buckets, up to the first check that finds a cut.

    Many values at once are put away faster, so they wait for the block's end, or for a check that may find something.

    Returns:
        The values taken, and of the cut what `_find_cut` says.
    """
    old = _place_borders(len(block), width, totals, sums, sizes, borders, until)
    kept = 0
    for taken in range(clock - width % clock, len(block) + 1, clock):
        now, places = width + taken, old + max(taken - shortest + 1, 0)
        if now > grace and _may_have_cut(
            now, totals[taken], squares[taken], evidence, places, borders, until
        ):
            _keep(block[kept:taken], sums, sizes)
            kept = taken
            length, after = _find_cut(
                now, totals[taken], squares[taken], delta, shortest, sums, sizes
            )
            if length:
                return taken, length, after
    _keep(block[kept:], sums, sizes)
    return len(block), 0, 0.0


@jit
def _add(block: FloatArray, state: FloatArray, totals: FloatArray, squares: FloatArray) -> None:
    """Add values to the width, the total and the squared deviations, in order.

    `totals` and `squares` are overwritten with what there was before the first value and after each. Unlike `/`,
    `np.divide` is not checked for a zero, so that several are done at a time.
    """
    width, total, square = state
    totals[0], squares[0] = total, square
    for row in range(len(block)):
        total += block[row]
        totals[row + 1] = total
    for row in range(len(block)):
        before = width + row
        away = block[row] - np.divide(totals[row], max(before, 1.0))
        squares[row + 1] = np.divide(before * away * away, before + 1.0)
    for row in range(1, len(block) + 1):
        square += squares[row]
        squares[row] = square
    state[0], state[1], state[2] = width + len(block), total, square


@jit
def _keep(block: FloatArray, sums: FloatArray, sizes: IntArray) -> None:
    """Add buckets of one observation; where a level has one too many, its two oldest become one of the next.

    Each level takes all that the one below it hands up at once, which leaves the same buckets as one after the other.
    """
    most, level, coming = sums.shape[1] - BLOCK, 0, len(block)
    for row in range(coming):
        sums[0, np.uint64(sizes[0] + row)] = block[row]
    while coming:
        held = sizes[level] + coming
        pairs = (held - most + 1) // 2 if held > most else 0
        for pair in range(pairs):
            first, above = np.uint64(2 * pair), np.uint64(sizes[level + 1] + pair)
            sums[level + 1, above] = sums[level, first] + sums[level, first + np.uint64(1)]
        sizes[level] = held - 2 * pairs
        for place in range(sizes[level]):
            sums[level, np.uint64(place)] = sums[level, np.uint64(2 * pairs + place)]
        level, coming = level + 1, pairs


@jit
def _levels(width: int) -> int:
    """Levels that may hold a bucket: those whose buckets are no longer than the window."""
    levels = 0
    while width >> levels:
        levels += 1
    return levels


@jit
def _place_borders(
    length: int, width: int, totals: FloatArray, sums: FloatArray, sizes: IntArray, borders: FloatArray,
    until: FloatArray,
) -> int:  # fmt: skip
    """List every border that a check within a block may meet, by the observations before it, and their sum.

    Old borders only go, as two buckets become one; so these are the borders before the block, and each place inside it.

    Returns:
        How many borders are listed before those inside.
    """
    count, older, older_sum = 0, 0.0, 0.0
    for level in range(_levels(width) - 1, -1, -1):
        for place in range(sizes[level]):
            older += float(1 << level)
            older_sum += sums[level, place]
            borders[count], until[count] = older, older_sum
            count += 1
    lost = older_sum - totals[0]  # by adding in another order
    inside, until_inside = borders[count:], until[count:]
    for row in range(length):
        inside[row], until_inside[row] = older + row, totals[row] + lost
    return count


@jit
def _may_have_cut(
    width: int,
    total: float,
    squares: float,
    evidence: float,
    count: int,
    borders: FloatArray,
    until: FloatArray,
) -> bool:
    """True if a border can be clear: |sum of the older part − a · mean| > √(2 v d a b / width) + ⅔ d.

    That is what `_find_cut` asks, times a b / width, with a and b the parts' sizes for the m, which are no larger, and
    with d no larger than it is; so it holds of every clear border. Nearly every check ends here, and this loop,
    unlike the exact one, is done for several borders at a time. What rounding may take is given beforehand.
    """
    whole = np.float64(width)
    mean = np.divide(total, whole)
    largest = np.sqrt(whole * squares + total * total)  # no sum of some of the values is larger
    room = ROUNDING * largest - 2 / 3 * evidence
    spread = np.divide(2 * evidence * squares, whole * whole)
    hits = 0
    for border in range(count):
        older = borders[border]
        beyond = max(abs(until[border] - mean * older) + room, 0.0)
        hits += int(beyond * beyond > spread * older * (whole - older))
    return hits > 0


@jit
def _find_cut(
    width: int,
    total: float,
    squares: float,
    delta: float,
    shortest: int,
    sums: FloatArray,
    sizes: IntArray,
) -> tuple[int, float]:
    """The observations after the border with the clearest difference, and their sum; 0 if no difference is clear.

    A border is clear if |difference of means| > √(2 v d (1/m₀ + 1/m₁)) + ⅔ d (1/m₀ + 1/m₁), with v the variance,
    d = ln(2 ln(width) / δ) and m the parts' sizes, less the shortest, plus 1.
    """
    evidence = np.log(2 * np.log(width) / delta)
    variance = squares / width
    best, length, beyond = 0.0, 0, 0.0
    older, older_sum = 0.0, 0.0
    newer, newer_sum = np.float64(width), total
    for level in range(_levels(width) - 1, -1, -1):
        size = float(1 << level)
        for place in range(sizes[level]):
            older += size
            newer -= size
            older_sum += sums[level, place]
            newer_sum -= sums[level, place]
            if older < shortest or newer < shortest or newer <= 0.0:
                continue
            difference = abs(older_sum / older - newer_sum / newer)
            spread = 1.0 / (older - shortest + 1) + 1.0 / (newer - shortest + 1)
            limit = np.sqrt(2 * spread * variance * evidence) + 2 / 3 * evidence * spread
            if difference > limit and difference / limit > best:
                best, length, beyond = difference / limit, int(newer), newer_sum
    return length, beyond


SPEC = DetectorSpec(
    title="ADWIN",
    detector=ADWIN,
    calibrated={"delta": 0.05},
    calibrated_for_means={"delta": 0.05, "clock": 1},
    limits={"max_buckets": 64},
    is_default=True,
)
