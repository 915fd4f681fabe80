import json
import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from algorithms.kernels.picture_text import (
    Text,
    find_risen,
    write_categories,
    write_rounded,
    write_whole,
)

WHOLE = st.integers(-(2**62), 2**62)
COUNTS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=40)


def text_of(written: int, text: Text) -> str:
    """What was written, without the comma behind it."""
    return text[: written - 1].tobytes().decode()


@given(WHOLE)
def test_whole_number__any__is_written_as_python_writes_it(number: int) -> None:
    text = np.empty(40, np.uint8)
    assert text_of(write_whole(text, 0, number), text) == str(number)


@given(st.floats())
def test_rounded_number__any_float__reads_as_the_nearest_whole(number: float) -> None:
    text = np.empty(40, np.uint8)
    found = json.loads(text_of(write_rounded(text, 0, number), text))
    if not math.isfinite(number):
        assert found is None
    elif abs(number) < 2**53:
        assert found == math.floor(Fraction(number) + Fraction(1, 2)) or abs(number) > 2**51
    else:
        assert math.isclose(found, number, rel_tol=1e-12)


@given(COUNTS, st.integers(1, 5))
def test_risen__any_counts__are_the_largest_rises(rows: list[tuple[int, int]], most: int) -> None:
    usual, found = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    places = np.empty(most, np.int64)
    count = find_risen(usual, found, 1024, 1024, 5 / 1024, places)
    rises = [now - before for before, now in rows]
    order = sorted(range(len(rows)), key=lambda place: (-rises[place], place))
    assert places[:count].tolist() == [each for each in order if rises[each] >= 5][:most]


def test_categories__counts__are_rows_new_ones_and_shares() -> None:
    text = np.empty(200, np.uint8)
    length = write_categories(np.array([60, 20, 10]), 2, 7, 10, 3, text)
    assert json.loads(text[:length].tobytes()) == [100, 7, 10, 3, 1000, 6000, 2000]
