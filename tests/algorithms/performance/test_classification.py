from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as oracle

from algorithms.arrays import IntArray
from algorithms.performance import Metric, measure_performance
from tests.algorithms.performance.windows import (
    CONFUSION,
    Estimates,
    holds,
    many_classes,
    share_held,
)

windows = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")), min_size=1, max_size=80
)
RATIOS = (Metric.ACCURACY, Metric.PRECISION, Metric.RECALL)


def resampled_error(
    metric: Metric, label: IntArray, prediction: IntArray, draws: int = 400
) -> float:
    """Spread of the metric over windows drawn from the window, with replacement."""
    rng, values = np.random.default_rng(0), []
    for rows in rng.integers(0, len(label), (draws, len(label))):
        found = measure_performance(
            [metric], prediction=prediction[rows], label=label[rows], positive=None
        )
        values.append(found[metric].value or 0.0)
    return float(np.std(values))


@given(windows)
@settings(max_examples=50)
def test_macro_averages__any_classes__match_sklearn(window: list[tuple[str, str]]) -> None:
    label, prediction = (list(column) for column in zip(*window, strict=True))
    found = measure_performance(CONFUSION, prediction=prediction, label=label, positive=None)
    macro = {"average": "macro", "zero_division": np.nan}
    assert found[Metric.PRECISION].value == pytest.approx(
        oracle.precision_score(label, prediction, **macro)
    )
    assert found[Metric.RECALL].value == pytest.approx(
        oracle.recall_score(label, prediction, **macro)
    )
    assert found[Metric.F1].value == pytest.approx(oracle.f1_score(label, prediction, **macro))
    balanced = found[Metric.BALANCED_ACCURACY].value
    assert (
        balanced is None
        if len(set(label)) == 1
        else balanced == pytest.approx(found[Metric.RECALL].value)
    )


@pytest.mark.parametrize(
    "confusion", [(50, 3, 7, 40), (9, 0, 0, 1), (0, 2, 5, 90), (1, 400, 3, 2000)]
)
def test_ratios__any_counts__wilsons_interval(confusion: tuple[int, int, int, int]) -> None:
    hits, false, missed, rest = confusion
    label, prediction = np.repeat([1, 0, 1, 0], confusion), np.repeat([1, 1, 0, 0], confusion)
    found = measure_performance(RATIOS, prediction=prediction, label=label)
    counts = {
        Metric.ACCURACY: (hits + rest, sum(confusion)),
        Metric.PRECISION: (hits, hits + false),
    }
    for metric, (successes, trials) in (counts | {Metric.RECALL: (hits, hits + missed)}).items():
        interval = stats.binomtest(successes, trials).proportion_ci(method="wilson")
        assert (found[metric].lower, found[metric].upper) == pytest.approx(
            tuple(interval), abs=1e-12
        )
        assert found[metric].standard_error == pytest.approx(
            stats.binom.std(trials, successes / trials) / trials
        )


def test_f1__one_class_is_positive__standard_error_of_resampling() -> None:
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, 400)
    prediction = np.where(rng.random(400) < 0.8, label, 1)
    values = []
    for rows in rng.integers(0, 400, (500, 400)):
        values.append(oracle.f1_score(label[rows], prediction[rows]))
    found = measure_performance([Metric.F1], prediction=prediction, label=label)[Metric.F1]
    assert found.standard_error == pytest.approx(np.std(values), rel=0.1)


@pytest.mark.parametrize(
    "metric", [Metric.PRECISION, Metric.RECALL, Metric.F1, Metric.BALANCED_ACCURACY]
)
def test_macro_averages__four_classes__standard_error_of_resampling(metric: Metric) -> None:
    window = many_classes(np.random.default_rng(5), 2000, right=0.8)
    found = measure_performance(
        [metric], prediction=window.prediction, label=window.label, positive=None
    )
    assert found[metric].standard_error == pytest.approx(
        resampled_error(metric, window.label, window.prediction), rel=0.12
    )


@pytest.mark.parametrize("right", [0.6, 0.9])
def test_macro_averages__many_windows__intervals_cover_as_promised(right: float) -> None:
    rng = np.random.default_rng(11)

    def measure(n: int) -> Estimates:
        window = many_classes(rng, n, right)
        return measure_performance(
            CONFUSION, prediction=window.prediction, label=window.label, positive=None
        )

    for held in share_held(measure, rows=1500).values():
        assert 0.92 <= held <= 0.97


@pytest.mark.parametrize("positive", [1, None])
def test_confusion_metrics__all_right__intervals_keep_a_width(positive: int | None) -> None:
    label = np.repeat([0, 1], [150, 50])
    for found in measure_performance(
        CONFUSION, prediction=label, label=label, positive=positive
    ).values():
        assert (found.value, found.upper, found.standard_error) == (1, 1, 0)
        assert not holds(found, 0.9)
        assert holds(found, 0.99)


def test_recall__two_classes_without_a_positive_one__macro_average() -> None:
    columns: dict[str, Any] = {"prediction": ["a", "b", "b", "b"], "label": ["a", "a", "b", "b"]}
    assert measure_performance([Metric.RECALL], **columns)[Metric.RECALL].value == 0.75
    assert measure_performance([Metric.RECALL], **columns, positive="a")[Metric.RECALL].value == 0.5
