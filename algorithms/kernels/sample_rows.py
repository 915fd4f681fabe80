"""Draws a uniform sample of a piece of a column in time that depends on the sample alone, and merges samples."""

import numpy as np

from ..arrays import FloatArray
from .compiler import jit

SIZE = 1_000
"""Rows of a sample: enough to see a gap of 0.05 between distribution functions, and 16 kB."""
STEP = 1_619
"""A prime beyond SIZE, and 0.62 of it past SIZE: multiples of it visit places evenly, in an order that is no order."""
PROBES = 16
"""Values of a piece that its seed is made of."""

# The constants of splitmix64 (Steele, Lea and Flood, 2014).
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
SECOND_FACTOR = np.uint64(0x94D049BB133111EB)


@jit
def mix(state: np.uint64) -> np.uint64:
    """The output of splitmix64 for a state of 64 bits."""
    mixed = state
    mixed = (mixed ^ (mixed >> np.uint64(30))) * FIRST_FACTOR
    mixed = (mixed ^ (mixed >> np.uint64(27))) * SECOND_FACTOR
    return mixed ^ (mixed >> np.uint64(31))


@jit
def seed_of(values: FloatArray) -> np.uint64:
    """A number made of the length of a piece and some of its values, so that a piece is sampled alike by all."""
    seed = mix(np.uint64(len(values)))
    for probe in range(PROBES):
        value = values[probe * (len(values) - 1) // (PROBES - 1)]
        seed = mix(seed ^ np.uint64(np.float64(value).view(np.int64)))
    return seed


@jit
def draw_rows(values: FloatArray, priorities: FloatArray, drawn: FloatArray) -> None:
    """Draw the rows that have the least priorities, if every row had a random one (Rényi, 1953).

    The least of n exponential priorities is exponential, with the mean 1 / n, and so is each further step, with one
    row less. So the priorities of the drawn rows are made in order, and no other row needs one. The rows are taken
    from equal parts of the piece, a random one of each.

    Args:
        values: Shape (n,), at least one.
        priorities: Shape (m,), m at most n; written, ascending.
        drawn: Shape (m,); written, the row of each priority.
    """
    rows, wanted = len(values), len(drawn)
    state, reached = seed_of(values), 0.0
    for place in range(wanted):
        state = state + GOLDEN
        random = mix(state)
        part = place * STEP % wanted
        first = part * rows // wanted
        room = (part + 1) * rows // wanted - first
        drawn[place] = values[first + np.int64(random % np.uint64(room))]
        uniform = (np.float64(random >> np.uint64(11)) + 0.5) * 2.0**-53
        reached -= np.log(uniform) / (rows - place)
        priorities[place] = reached


@jit
def merge_rows(
    left: FloatArray,
    left_rows: FloatArray,
    right: FloatArray,
    right_rows: FloatArray,
    priorities: FloatArray,
    rows: FloatArray,
) -> None:
    """Keep the least priorities of two samples, and their rows; of equal ones the lesser value comes first."""
    first, second = 0, 0
    for place in range(len(rows)):
        if is_before(left, left_rows, first, right, right_rows, second):
            priorities[place], rows[place] = left[first], left_rows[first]
            first += 1
        else:
            priorities[place], rows[place] = right[second], right_rows[second]
            second += 1


@jit
def is_before(
    left: FloatArray,
    left_rows: FloatArray,
    first: int,
    right: FloatArray,
    right_rows: FloatArray,
    second: int,
) -> bool:
    """True if the next row is the left one."""
    if second >= len(right) or first >= len(left):
        return bool(first < len(left))
    if left[first] != right[second]:
        return bool(left[first] < right[second])
    return bool(left_rows[first] <= right_rows[second])
