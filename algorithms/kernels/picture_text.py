"""Writes the picture of a feature as the text of a JSON list: a list of numbers for each feature costs more."""

from typing import Any

import numpy as np

from ..arrays import FloatArray, IntArray
from .compiler import jit
from .picture_cells import LEVELS, SHARE_UNITS, draw_cells

type Text = np.ndarray[Any, np.dtype[np.uint8]]
"""Letters of ASCII."""

OPEN, CLOSE, COMMA, MINUS, ZERO, EXPONENT = 91, 93, 44, 45, 48, 101
NULL = np.array([110, 117, 108, 108], np.uint8)
LARGEST_WHOLE = 2.0**53
"""The floats up to it hold every whole number."""
LARGEST_ROUNDED = 1e13
"""Beyond that, 13 digits are kept, which 300 divisions by ten leave right."""


@jit
def write_numeric(
    counts: IntArray,
    starts: IntArray,
    edges: FloatArray,
    low: float,
    high: float,
    usual: FloatArray,
    step: float,
    missing: int,
    below: int,
    above: int,
    text: Text,
) -> int:
    """Write rows, missing rows, rows below and above the reference's range, shares, and quantiles.

    Args:
        counts: As of `draw_cells`; so are `starts` and `edges`.
        low: The least value; above `high` where there is no finite one.
        high: The greatest value.
        usual: The reference's quantiles, least and greatest value; empty to write none of the window's.
        step: Quantiles and ends are written as steps from the reference's.
        missing: Rows without a number.
        below: Rows below the reference's least value.
        above: Rows above its greatest.
        text: Written; long enough.

    Returns:
        The length of the text.
    """
    shares, values = np.empty(len(starts), np.int64), np.empty(len(LEVELS) + 2)
    rows = draw_cells(counts, starts, edges, low, high, shares, values)
    values[-2], values[-1] = low, high
    text[0] = OPEN
    place = write_whole(text, write_whole(text, 1, rows), missing)
    place = write_whole(text, write_whole(text, place, below), above)
    for share in shares:
        place = write_whole(text, place, int(share))
    for each in range(len(usual)):
        if rows > 0 and low <= high:
            # not (value - base) / step, as the difference of two numbers may be larger than any float
            place = write_rounded(text, place, values[each] / step - usual[each] / step)
        else:
            place = write_null(text, place)
    text[place - 1] = CLOSE
    return int(place)


@jit
def write_categories(
    counts: IntArray, top: int, nulls: int, new_rows: int, new_names: int, text: Text
) -> int:
    """Write rows, nulls, rows and names of new categories, and shares: of other ones, then of each.

    Args:
        counts: Rows of each category that the reference knows, the most frequent first.
        top: How many of them have a share of their own.
        nulls: Rows without a category.
        new_rows: Rows of categories that the reference does not know.
        new_names: How many these are.
        text: Written; long enough.

    Returns:
        The length of the text.
    """
    known = int(counts.sum())
    rows = known + new_rows
    scale = SHARE_UNITS / rows if rows > 0 else 0.0
    text[0] = OPEN
    place = write_whole(text, write_whole(text, 1, int(rows)), nulls)
    place = write_whole(text, write_whole(text, place, new_rows), new_names)
    place = write_whole(text, place, int((known - counts[:top].sum()) * scale + 0.5))
    for each in range(min(top, len(counts))):
        place = write_whole(text, place, int(counts[each] * scale + 0.5))
    text[place - 1] = CLOSE
    return int(place)


@jit
def find_risen(
    usual: IntArray, found: IntArray, usual_rows: int, rows: int, least: float, places: IntArray
) -> int:
    """Find the categories whose shares rose most, by at least so much; the first of equal ones.

    Args:
        usual: Rows of each category in the reference.
        found: Rows in the window.
        usual_rows: All rows of the reference; at least 1.
        rows: All rows of the window; at least 1.
        least: The rise from which one counts.
        places: Written: the places of the categories, the largest rise first.

    Returns:
        How many were found.
    """
    rises = np.full(len(places), -1.0)
    known = 0
    for each in range(len(found)):
        rise = found[each] / rows - usual[each] / usual_rows
        if rise < least or rise <= rises[-1]:
            continue
        place = min(known, len(places) - 1)
        while place > 0 and rises[place - 1] < rise:
            rises[place], places[place] = rises[place - 1], places[place - 1]
            place -= 1
        rises[place], places[place] = rise, each
        known = min(known + 1, len(places))
    return known


@jit
def write_rounded(text: Text, place: int, number: float) -> int:
    """Write a float as a whole number, with an exponent of ten where it is too large; a comma follows."""
    if not np.isfinite(number):
        return write_null(text, place)
    exponent = 0
    if abs(number) >= LARGEST_WHOLE:
        while abs(number) >= LARGEST_ROUNDED:
            number /= 10
            exponent += 1
        # towards zero, as the largest float must not be read as infinite
        number = np.trunc(number)
    place = write_whole(text, place, int(np.floor(number + 0.5)))
    if exponent:
        text[place - 1] = EXPONENT
        place = write_whole(text, place, exponent)
    return place


@jit
def write_null(text: Text, place: int) -> int:
    """Write `null` and a comma, and return the place after it."""
    text[place : place + 4] = NULL
    text[place + 4] = COMMA
    return place + 5


@jit
def write_whole(text: Text, place: int, number: int) -> int:
    """Write a whole number and a comma, and return the place after it."""
    if number < 0:
        text[place] = MINUS
        place, number = place + 1, -number
    end = place + 1
    rest = number // 10
    while rest > 0:
        end, rest = end + 1, rest // 10
    for digit in range(end - 1, place - 1, -1):
        text[digit] = ZERO + number % 10
        number //= 10
    text[end] = COMMA
    return end + 1
