"""Which earlier estimates count as wrong; the intervals are worked out by hand."""

from typing import Any

import pytest

from algorithms.performance import Metric
from detections.evaluation.estimate_history import _past_estimate, sentence_of


def window(estimated: float, realised: float, error: float, **fields: Any) -> dict[str, Any]:
    """The record of a window whose labels came: the estimate is known to 0.01, the realised metric to `error`."""
    ends = {"lower": realised - error, "upper": realised + error}
    estimate = {"value": estimated, "lower": estimated - 0.01, "upper": estimated + 0.01}
    return {
        "feature": "accuracy",
        "verdict": "ok",
        "statistic": realised,
        "explanation": {**ends, "estimated": estimate},
        **fields,
    }


def said(*windows: dict[str, Any]) -> str:
    return sentence_of(Metric.ACCURACY, [each for one in windows for each in _past_estimate(one)])


@pytest.mark.parametrize(
    ("error", "is_wrong"),
    [(0.02, True), (0.098, False)],
    ids=["many labels", "fifty labels: 1.96 standard errors of 0.05"],
)
def test_sentence__ten_points_off__is_wrong_if_labels_are_enough(
    error: float, is_wrong: bool
) -> None:
    assert bool(said(*[window(0.85, 0.75, error)] * 3)) == is_wrong


def test_sentence__half_of_the_windows__is_enough_and_less_is_not() -> None:
    wrong, right = window(0.85, 0.75, 0.02), window(0.85, 0.84, 0.02)
    assert said(wrong, wrong, right, right).endswith("was wrong by more than 0.05 in 2.")
    assert said(wrong, right, right) == ""


@pytest.mark.parametrize(
    "fields", [{"verdict": "insufficient_data"}, {"statistic": None}, {"explanation": None}]
)
def test_sentence__metric_that_labels_did_not_settle__counts_for_nothing(
    fields: dict[str, Any],
) -> None:
    assert said(*[window(0.85, 0.5, 0.02, **fields)] * 5) == ""
