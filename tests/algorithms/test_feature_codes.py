"""Features of any kind as numbers, by a baseline's references."""

import numpy as np
import pyarrow as pa
import pytest

from algorithms.baseline import Baseline, FeatureKind
from algorithms.errors import UnusableColumn
from algorithms.feature_codes import MOST_CATEGORIES, NEW, RARE, code_feature

COLOURS = ["red"] * 5 + ["green"] * 3 + ["blue"]
REFERENCE = Baseline.fit(
    pa.table({"colour": COLOURS, "size": np.arange(9.0)}),
    {"colour": FeatureKind.CATEGORICAL, "size": FeatureKind.NUMERIC},
)


def test_codes__categories__are_their_places_by_frequency() -> None:
    chunk = pa.array(["blue", None, "red", "green", "mauve"])
    found = code_feature(REFERENCE.features["colour"], chunk)
    np.testing.assert_array_equal(found, [2, np.nan, 0, 1, NEW])


def test_codes__dictionary_of_another_order__are_the_same() -> None:
    chunk = pa.array(["green", "red", None]).dictionary_encode()
    found = code_feature(REFERENCE.features["colour"], chunk)
    np.testing.assert_array_equal(found, [1, 0, np.nan])


def test_codes__numbers__stay_as_they_are() -> None:
    found = code_feature(REFERENCE.features["size"], pa.array([1, None, 3]))
    np.testing.assert_array_equal(found, [1, np.nan, 3])


def test_codes__rare_categories__share_one() -> None:
    names = [f"n{each:03}" for each in range(MOST_CATEGORIES + 20)]
    many = Baseline.fit(pa.table({"x": names}), {"x": FeatureKind.CATEGORICAL})
    found = code_feature(many.features["x"], pa.array(names))
    assert np.count_nonzero(found == RARE) == 20
    assert len(set(found)) == MOST_CATEGORIES + 1


def test_codes__text_for_numbers__is_refused() -> None:
    with pytest.raises(UnusableColumn):
        code_feature(REFERENCE.features["size"], pa.array(["a"]))
