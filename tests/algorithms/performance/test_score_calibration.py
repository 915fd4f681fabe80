from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from algorithms.arrays import FloatArray, IntArray
from algorithms.errors import InsufficientData
from algorithms.performance import ScoreCalibration
from tests.algorithms.performance.windows import classified

EVENLY = np.linspace(0, 1, 501)
windows = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1)), min_size=1, max_size=60).map(
    lambda rows: [*rows, (3, 0), (9, 1)]
)


def sklearns(score: FloatArray, label: IntArray) -> FloatArray:
    """Calibrated probabilities of even scores by scikit-learn."""
    fitted = IsotonicRegression(out_of_bounds="clip").fit(score, label)
    return np.asarray(fitted.predict(EVENLY), np.float64)


@given(windows)
@settings(max_examples=50)
def test_score_calibration__few_scores__matches_sklearn(window: list[tuple[int, int]]) -> None:
    score, label = (np.array(column) for column in zip(*window, strict=True))
    found = ScoreCalibration.fit(score / 20, label).calibrate(EVENLY)
    assert found == pytest.approx(sklearns(score / 20, label), abs=1e-12)


@given(windows, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_score_calibration__rows_in_another_order__same(
    window: list[tuple[int, int]], random: Random
) -> None:
    fitted = []
    for _ in range(2):
        score, label = (np.array(column) for column in zip(*window, strict=True))
        fitted.append(ScoreCalibration.fit(score / 20, label))
        random.shuffle(window)
    assert fitted[0] == fitted[1]


def test_score_calibration__many_scores__matches_sklearn() -> None:
    window = classified(np.random.default_rng(0), 20_000, power=2)
    found = ScoreCalibration.fit(window.score, window.label)
    assert found.calibrate(EVENLY) == pytest.approx(sklearns(window.score, window.label), abs=1e-12)
    assert sum(found.rows) == 20_000
    assert sum(found.positives) == window.label.sum()


def test_score_calibration__more_blocks_than_kept__stays_near() -> None:
    score = np.repeat(np.arange(2000) / 2000, 2000)
    label = np.tile(np.arange(2000), 2000) < np.repeat(np.arange(2000), 2000)
    found = ScoreCalibration.fit(score, label)
    assert len(found.rows) == 500
    assert found.calibrate(EVENLY) == pytest.approx(EVENLY, abs=0.002)
    assert np.all(np.diff(found.calibrate(EVENLY)) >= 0)


def test_score_calibration__text_labels__positive_is_named() -> None:
    named = ScoreCalibration.fit([0.1, 0.2, 0.9], ["no", "yes", "yes"], positive="yes")
    assert named == ScoreCalibration.fit([0.1, 0.2, 0.9], [0, 1, 1])


def test_score_calibration__arrays__round_trip() -> None:
    window = classified(np.random.default_rng(1), 3000)
    found = ScoreCalibration.fit(window.score, window.label)
    assert ScoreCalibration.from_arrays(found.to_arrays()) == found


def test_score_calibration__nearest_block__of_scores_between_and_beyond() -> None:
    found = ScoreCalibration.fit([0.2, 0.3, 0.7, 0.8], [0, 0, 1, 1])
    assert found.blocks(np.array([0.0, 0.3, 0.49, 0.51, 1.0])).tolist() == [0, 0, 0, 1, 1]
    assert ((found.variances() > 0) & (found.variances() < 0.1)).all()


@pytest.mark.parametrize("label", [[], [0, 0], [1, 1]])
def test_score_calibration__not_both_classes__insufficient_data(label: list[int]) -> None:
    with pytest.raises(InsufficientData, match="both classes"):
        ScoreCalibration.fit([0.1, 0.2][: len(label)], label)


@pytest.mark.parametrize(
    ("score", "label", "said"),
    [
        ([0.1, np.nan], [0, 1], "finite"),
        ([0.1, 2], [0, 1], "from 0 to 1"),
        ([0.1, 0.2], [0, None], "label must be known"),
        ([0.1, 0.2], [0, 1, 1], "score 2, label 3"),
        ([0.1, 0.2, 0.3], [0, 1, 2], "two classes"),
    ],
)
def test_score_calibration__unusable_rows__says_why(score: Any, label: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ScoreCalibration.fit(score, label)
