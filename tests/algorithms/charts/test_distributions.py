from itertools import pairwise

import pytest

from algorithms.charts.distributions import (
    CategoryShare,
    NumericShares,
    category_distribution,
    numeric_distribution,
)
from tests.algorithms.charts.drawing import number, parse, texts, titles, with_class

EDGES = [0.0, 10.0, 20.0, 40.0, 100.0]


def numeric(reference: list[float], current: list[float], **ends: float) -> str:
    ends = {"low": 0.0, "high": 100.0} | ends
    shares = NumericShares(edges=EDGES, reference=reference, current=current, **ends)
    return numeric_distribution(shares, label="d")


def test_numeric__bars__have_areas_as_their_shares() -> None:
    reference = [0.1, 0.2, 0.3, 0.4]
    root = parse(numeric(reference, [0.25] * 4))
    bars = with_class(root, "bar-reference")
    areas = [number(bar, "width") * number(bar, "height") for bar in bars]
    assert [area / sum(areas) for area in areas] == pytest.approx(reference, rel=0.01)


def test_numeric__bars__lie_side_by_side() -> None:
    bars = with_class(parse(numeric([0.25] * 4, [0.25] * 4)), "bar-current")
    ends = [(number(bar, "x"), number(bar, "x") + number(bar, "width")) for bar in bars]
    assert all(first[1] == pytest.approx(last[0], abs=0.02) for first, last in pairwise(ends))


def test_numeric__cells_beyond_the_axis__are_one_tail() -> None:
    root = parse(numeric([0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 0.1, 0.9], low=10.0, high=20.0))
    assert "above" in texts(root)
    assert "20 to 100: reference 70.0%, current 100.0%" in titles(root)
    assert "0 to 10: reference 10.0%, current 0.0%" in titles(root)


def test_numeric__narrow_cell__is_drawn_with_the_next() -> None:
    shares = NumericShares(
        edges=[0.0, 0.001, 50.0, 100.0],
        reference=[0.2, 0.3, 0.5],
        current=[0.0, 0.5, 0.5],
        low=0.0,
        high=100.0,
    )
    root = parse(numeric_distribution(shares, label="d"))
    assert titles(root)[0] == "0 to 50: reference 50.0%, current 50.0%"


def test_categories__hostile_and_unknown_shares__are_text_and_left_out() -> None:
    shares = [CategoryShare("<b>UA</b>", 0.25, 0.5), CategoryShare("new", None, 0.125, "new")]
    root = parse(category_distribution(shares, label="d"))
    first, second = with_class(root, "bar-current")
    assert number(first, "width") == pytest.approx(4 * number(second, "width"), rel=0.001)
    assert len(with_class(root, "bar-reference")) == 1
    assert "<b>UA</b>: current 50.00%" in titles(root)
