import math

import pytest

from algorithms.charts.number_words import number, share


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (0, "0"),
        (9_999, "9999"),
        (10_000, "10,000"),
        (1_234_567, "1,234,567"),
        (0.123456, "0.123"),
        (12.3456, "12.3"),
        (1234.56, "1,235"),
        (999.9999, "1,000"),
        (-1e300, "-1e+300"),
        (2.0, "2"),
        (1e-9, "1e-09"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "not a number"),
    ],
)
def test_number__value__is_rounded_to_what_matters(value: float | None, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.12345, "12.3 %"),
        (0.00001, "< 0.01 %"),
        (-0.0, "0 %"),
        (math.inf, "∞"),
    ],
)
def test_share__value__is_a_percentage(value: float | None, words: str) -> None:
    assert share(value) == words
