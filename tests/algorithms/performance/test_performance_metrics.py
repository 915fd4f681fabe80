from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from algorithms.arrays import FloatArray, IntArray
from algorithms.columns import Values
from algorithms.errors import UnusableColumn
from algorithms.performance import HIGHER_IS_BETTER, Metric, measure_performance
from tests.algorithms.performance.windows import (
    BINARY_METRICS,
    CONFUSION,
    Estimates,
    classified,
    realised,
    share_held,
)

rows = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 8)), min_size=2, max_size=60
)
ERRORS = {Metric.LOG_LOSS, Metric.MAE, Metric.RMSE, Metric.MAPE}


def test_higher_is_better__all_metrics__but_those_that_are_errors() -> None:
    assert set(Metric) - ERRORS == HIGHER_IS_BETTER


def sklearns(label: IntArray, prediction: IntArray, score: FloatArray) -> dict[Metric, float]:
    """The metrics by scikit-learn, NaN where we call them undefined."""
    zero, both = {"zero_division": np.nan}, len(set(label)) > 1
    return {
        Metric.ACCURACY: oracle.accuracy_score(label, prediction),
        Metric.PRECISION: oracle.precision_score(label, prediction, **zero),
        Metric.RECALL: oracle.recall_score(label, prediction, **zero),
        Metric.F1: oracle.f1_score(label, prediction, **zero),
        Metric.LOG_LOSS: oracle.log_loss(label, score, labels=[0, 1]),
        Metric.ROC_AUC: oracle.roc_auc_score(label, score) if both else np.nan,
        Metric.BALANCED_ACCURACY: oracle.balanced_accuracy_score(label, prediction)
        if both
        else np.nan,
    }


@given(rows)
@settings(max_examples=50)
def test_measure_performance__binary_window__matches_sklearn(
    window: list[tuple[int, int, int]],
) -> None:
    label, prediction, tenths = (np.array(column) for column in zip(*window, strict=True))
    score = (tenths + 1) / 10
    found = measure_performance(BINARY_METRICS, prediction=prediction, label=label, score=score)
    for metric, value in sklearns(label, prediction, score).items():
        assert (found[metric].value is None) == np.isnan(value) == bool(found[metric].reason)
        assert np.isnan(value) or found[metric].value == pytest.approx(value, rel=1e-9)


@given(rows, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_measure_performance__rows_in_another_order__same_estimates(
    window: list[tuple[int, int, int]], random: Random
) -> None:
    shuffled = window.copy()
    random.shuffle(shuffled)
    found = []
    for order in (window, shuffled):
        label, prediction, score = (np.array(column) for column in zip(*order, strict=True))
        found.append(
            measure_performance(Metric, prediction=prediction, label=label, score=score / 8)
        )
    for metric in Metric:
        before, after = (each[metric] for each in found)
        assert (before.n, before.left_out, before.reason) == (after.n, after.left_out, after.reason)
        assert before.value == pytest.approx(after.value)
        assert before.standard_error == pytest.approx(after.standard_error, abs=1e-12)


@given(rows)
@settings(max_examples=50)
def test_measure_performance__any_window__interval_holds_the_value(
    window: list[tuple[int, int, int]],
) -> None:
    label, prediction, score = (np.array(column) for column in zip(*window, strict=True))
    for metric, found in measure_performance(
        Metric, prediction=prediction, label=label, score=score / 8
    ).items():
        if found.value is not None and found.lower is not None and found.upper is not None:
            assert -1e-12 <= found.lower - 1e-12 <= found.value <= found.upper + 1e-12
            assert metric in ERRORS or found.upper <= 1 + 1e-12


@pytest.mark.parametrize(
    ("label", "prediction", "positive"),
    [
        ([True, False, True, True], [True, True, False, True], 1),
        ([1.0, 0.0, 1.0, 1.0], [1, 1, 0, 1], True),
        (["yes", "no", "yes", "yes"], np.array(["yes", "yes", "no", "yes"]), "yes"),
        (
            pa.array(["b", "a", "b", "b"]).dictionary_encode(),
            pa.chunked_array([["b"], ["b", "a", "b"]]),
            "b",
        ),
    ],
)
def test_measure_performance__classes_of_any_type__same_answer(
    label: Values, prediction: Values, positive: str
) -> None:
    found = measure_performance(CONFUSION, prediction=prediction, label=label, positive=positive)
    assert [found[metric].value for metric in CONFUSION] == pytest.approx(
        [1 / 2, 1 / 3, 2 / 3, 2 / 3, 2 / 3]
    )


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_measure_performance__many_windows__intervals_cover_as_promised(level: float) -> None:
    rng = np.random.default_rng(7)

    def measure(n: int) -> Estimates:
        return realised(classified(rng, n, power=0.8), level)

    for held in share_held(measure, rows=500).values():
        assert held == pytest.approx(level, abs=3.5 * (level * (1 - level) / 600) ** 0.5)


def test_measure_performance__no_rows__nothing_is_defined() -> None:
    for found in measure_performance(Metric, prediction=[], label=[], score=[]).values():
        assert (found.value, found.lower, found.upper, found.standard_error, found.n) == (
            None,
            None,
            None,
            None,
            0,
        )
        assert found.reason == "There are no rows."


def test_measure_performance__labels_of_one_class__says_what_is_undefined() -> None:
    found = measure_performance(BINARY_METRICS, prediction=[0, 0], label=[0, 0], score=[0.1, 0.2])
    undefined = {metric for metric, estimate in found.items() if estimate.value is None}
    assert undefined == {
        Metric.BALANCED_ACCURACY,
        Metric.PRECISION,
        Metric.RECALL,
        Metric.F1,
        Metric.ROC_AUC,
    }
    assert found[Metric.RECALL].reason == "No row's label is positive."
    assert found[Metric.PRECISION].reason == "No row is predicted as positive."


def test_measure_performance__three_classes__scores_say_nothing() -> None:
    wanted, classes = [Metric.ROC_AUC, Metric.LOG_LOSS], [0, 1, 2]
    for found in measure_performance(
        wanted, prediction=classes, label=classes, score=[0.1, 0.2, 0.3]
    ).values():
        assert (found.value, found.n) == (None, 3)
        assert "two classes" in found.reason


def test_measure_performance__only_what_is_asked__in_its_order_and_once() -> None:
    wanted = [Metric.MAE, Metric.ACCURACY, Metric.MAE]
    assert list(measure_performance(wanted, prediction=[0, 1], label=[0, 1])) == [
        Metric.MAE,
        Metric.ACCURACY,
    ]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"label": [0.0, np.nan], "prediction": [0, 1]}, "Every label must be known"),
        ({"label": [0, 1], "prediction": [None, 1]}, "Every prediction must be known"),
        (
            {"label": pa.array([0, np.nan]), "prediction": [0, 1]},
            "Every label must be a finite number",
        ),
        ({"label": [0, 1, 1], "prediction": [0, 1]}, "label 3, prediction 2"),
        ({"label": range(1001), "prediction": range(1001)}, "1001 classes"),
        ({"label": [0, 1], "prediction": [0, 1], "level": 1.0}, "between 0 and 1"),
        ({"label": np.zeros((2, 2)), "prediction": [0, 1]}, "one-dimensional"),
    ],
)
def test_measure_performance__unusable_classes__says_why(
    columns: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        measure_performance([Metric.ACCURACY], **columns)


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (None, "none were given"),
        ([0.1, np.nan], "finite"),
        ([0.1, 1.1], "from 0 to 1"),
        ([0.1], "score 1, label 2"),
    ],
)
def test_measure_performance__unusable_scores__says_why(score: Values | None, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        measure_performance([Metric.ROC_AUC], prediction=[0, 1], label=[0, 1], score=score)


def test_measure_performance__unusable_numbers__says_why() -> None:
    with pytest.raises(ValueError, match="finite"):
        measure_performance([Metric.MAE], prediction=[np.inf, 1], label=[1, 2])
    with pytest.raises(ValueError, match="prediction 1, label 2"):
        measure_performance([Metric.MAE], prediction=[1], label=[1, 2])
    with pytest.raises(UnusableColumn, match="numbers"):
        measure_performance([Metric.MAE], prediction=["a"], label=["b"])
    with pytest.raises(UnusableColumn, match="both hold text"):
        measure_performance([Metric.ACCURACY], prediction=["a"], label=[1])
