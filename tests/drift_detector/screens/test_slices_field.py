"""Slices as lines of a form; the slices that were written as lines are the oracle."""

import pytest

from drift_detector.screens.slices_field import SlicesField, lines_of


@pytest.mark.parametrize(
    ("line", "name", "where"),
    [
        ("far: distance > 1000", "far", "distance > 1000"),
        ("distance > 1000", "distance > 1000", "distance > 1000"),
        ("a: b: carrier = 'x: y'", "a: b", "carrier = 'x: y'"),
        ("carrier = 'x: y'", "carrier = 'x: y'", "carrier = 'x: y'"),
        ("  it's :  x is null ", "it's", "x is null"),
        ("far: distance >", "far", "distance >"),
        ("distance >", "distance >", "distance >"),
    ],
)
def test_clean__line__has_a_name_and_a_condition(line: str, name: str, where: str) -> None:
    assert SlicesField().clean(f"\n{line}\n\n") == [{"name": name, "where": where}]


def test_clean__lines_of_slices__are_the_slices() -> None:
    slices = [
        {"name": "carrier A", "where": "carrier = 'A'"},
        {"name": "x: y", "where": "distance > 5 and carrier = 'B: C'"},
        {"name": "distance is null", "where": "distance is null"},
    ]
    assert SlicesField().clean(lines_of(slices)) == slices
    assert SlicesField().clean(slices) == slices


def test_clean__nothing__is_no_slice() -> None:
    assert SlicesField().clean("") == []
