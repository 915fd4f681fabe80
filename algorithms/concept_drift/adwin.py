"""Adaptive windowing, for streams of any bounded numbers."""

from dataclasses import dataclass, field

import numpy as np

from algorithms.concept_drift.detector import DRIFT, Detector, SignalArray
from algorithms.kernels import FloatArray, IntArray, jit

LEVELS = 60
"""A bucket of level l holds 2**l observations; no stream outgrows them."""
BLOCK = 256
ROUNDING = 1e-12
"""More than a few hundred additions lose, relative to the largest sum among them."""


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
        if not 0 < self.delta < 1 or min(self.clock, self.max_buckets, self.min_window_length) < 1:
            raise ValueError("ADWIN: 0 < delta < 1; clock, max_buckets and min_window_length are at least 1.")

    def _advance(self, values: FloatArray, start: int, signals: SignalArray, changes: FloatArray) -> tuple[int, int]:
        sums, sizes = np.zeros((LEVELS, self.max_buckets + 1)), np.zeros(LEVELS, np.int64)
        for level, kept in enumerate(self.buckets):
            sums[level, : len(kept)], sizes[level] = kept, len(kept)
        state = np.array([self.n, self.total, self.squares])
        settings = (self.delta, self.clock, self.min_window_length, self.grace_period)
        reached, count = advance_adwin(values, start, *settings, sums, sizes, state, signals, changes)
        self.n, self.total, self.squares = int(state[0]), float(state[1]), float(state[2])
        levels = int(np.flatnonzero(sizes)[-1]) + 1 if sizes.any() else 0
        self.buckets = [sums[level, : sizes[level]].tolist() for level in range(levels)]
        return int(reached), int(count)


@jit
def advance_adwin(
    values: FloatArray, start: int, delta: float, clock: int, shortest: int, grace: int, sums: FloatArray,
    sizes: IntArray, state: FloatArray, signals: SignalArray, changes: FloatArray,
) -> tuple[int, int]:  # fmt: skip
    """ADWIN over values, shape (n,), from `start`; `state` holds the width, the total and the squares."""
    borders, until = np.empty(sums.size), np.empty(sums.size)
    scratch, coming, next_ = np.empty(BLOCK), np.empty(BLOCK + sums.shape[1]), np.empty(BLOCK + sums.shape[1])
    found, row, evidence, known_at = 0, start, 0.0, 0
    while row < len(values) and found < len(changes):
        width = int(state[0])
        block = values[row : row + min(BLOCK, clock - width % clock)]  # up to the next check
        _add(block, state, scratch)
        _keep(block, sums, sizes, coming, next_)
        row += len(block)
        width += len(block)
        total, squares = state[1], state[2]
        if width % clock or width <= grace:
            continue
        if not known_at <= width <= known_at + known_at // 8:  # it grows with the width, and slowly
            evidence, known_at = np.log(2 * np.log(width) / delta), width
        if _may_have_cut(width, total, squares, evidence, shortest, sums, sizes, borders, until):
            length, after = _find_cut(width, total, squares, delta, shortest, sums, sizes)
            if length:
                signals[row - 1] = DRIFT
                changes[found, 0], changes[found, 1] = row - 1, length
                changes[found, 2], changes[found, 3] = (total - after) / (width - length), after / length
                found += 1
                state[:] = 0.0
                sizes[:] = 0
    return row, found


@jit
def _add(block: FloatArray, state: FloatArray, scratch: FloatArray) -> None:
    """Add values to the width, the total and the squared deviations, in order."""
    width, total, squares = state
    for row in range(len(block)):
        scratch[row] = total
        total += block[row]
    for row in range(len(block)):
        before = width + row
        away = block[row] - scratch[row] / max(before, 1.0)
        scratch[row] = before * away * away / (before + 1.0)
    for row in range(len(block)):
        squares += scratch[row]
    state[0], state[1], state[2] = width + len(block), total, squares


@jit
def _keep(block: FloatArray, sums: FloatArray, sizes: IntArray, coming: FloatArray, next_: FloatArray) -> None:
    """Add buckets of one observation; where a level has one too many, its two oldest become one of the next.

    Each level takes all that the one below it hands up at once, which leaves the same buckets as one after the other.
    """
    most, level = sums.shape[1], 0
    held, pairs = sizes[0], len(block)
    for row in range(len(block)):
        coming[held + row] = block[row]
    while pairs:
        for place in range(held):
            coming[place] = sums[level, place]
        held += pairs
        pairs = (held - most) // 2 + 1 if held >= most else 0
        sizes[level] = held - 2 * pairs
        for place in range(sizes[level]):
            sums[level, place] = coming[2 * pairs + place]
        level += 1
        held = sizes[level]
        for pair in range(pairs):
            next_[held + pair] = coming[2 * pair] + coming[2 * pair + 1]
        coming, next_ = next_, coming


@jit
def _levels(width: int) -> int:
    """Levels that may hold a bucket: those whose buckets are no longer than the window."""
    levels = 0
    while width >> levels:
        levels += 1
    return levels


@jit
def _may_have_cut(
    width: int, total: float, squares: float, evidence: float, shortest: int, sums: FloatArray, sizes: IntArray,
    borders: FloatArray, until: FloatArray,
) -> bool:  # fmt: skip
    """Whether a border can be clear: |difference of means| > √(2 v d (1/m₀ + 1/m₁)), squared and without a division,
    with d no larger than it is.

    Nearly every check ends here, and this loop, unlike the exact one, is done for eight borders at a time. What
    rounding may take from a difference is given to it beforehand.
    """
    count, older, older_sum = 0, 0.0, 0.0
    for level in range(_levels(width) - 1, -1, -1):
        size, inside = float(1 << level), 0.0
        for place in range(sizes[level]):
            inside += sums[level, place]
            borders[count + place], until[count + place] = older + size * (place + 1), older_sum + inside
        count += sizes[level]
        older, older_sum = older + size * sizes[level], older_sum + inside
    whole = np.float64(width)
    largest = np.sqrt(whole * squares + total * total)  # no sum of some of the values is larger
    room = ROUNDING * largest * whole
    spread = 2 * evidence * (squares / width)
    hits = 0
    for border in range(count):
        older = borders[border]
        newer = whole - older
        older_free, newer_free = older - shortest + 1, newer - shortest + 1
        difference = (abs(until[border] * whole - total * older) + room) * (1 + ROUNDING)
        limit = spread * (older_free + newer_free) * (older * newer) * (older * newer)
        hits += int(difference * difference * older_free * newer_free >= limit)
    return hits > 0


@jit
def _find_cut(
    width: int, total: float, squares: float, delta: float, shortest: int, sums: FloatArray, sizes: IntArray
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
