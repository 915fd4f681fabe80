from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as oracle

from algorithms.arrays import IntArray
from algorithms.columns import Values
from algorithms.errors import UnusableColumn
from algorithms.performance import Metric, measure_performance
from tests.algorithms.performance.windows import (
    BINARY_METRICS,
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


def test_recall__positive_label_of_some_rows__is_that_class_alone() -> None:
    columns: dict[str, Any] = {"prediction": ["a", "b", "b", "c"], "label": ["a", "a", "b", "b"]}
    for positive, average in (("a", "macro"), ("b", "macro"), (None, None)):
        found = measure_performance([Metric.RECALL], **columns, positive=positive)[Metric.RECALL]
        assert average is None or found.value == oracle.recall_score(
            columns["label"], columns["prediction"], labels=[positive], average=average
        )
    assert found.value == 0.5


def test_positive_metrics__label_of_no_row__are_errors_that_name_the_labels() -> None:
    columns: dict[str, Any] = {
        "prediction": ["yes", "no"] * 2, "label": ["yes", "no", "no", "yes"], "score": [0.5] * 4
    }  # fmt: skip
    found = measure_performance(BINARY_METRICS, **columns, positive="1")
    of_all = {Metric.ACCURACY, Metric.BALANCED_ACCURACY}
    assert {metric: each.value for metric, each in found.items() if each.value} == dict.fromkeys(
        of_all, 0.5
    )
    for metric in set(BINARY_METRICS) - of_all:
        assert found[metric].is_error
        assert "'1'" in found[metric].reason
        assert "'yes', 'no'" in found[metric].reason


def test_positive_metrics__rare_class_without_a_row__are_undefined_and_no_errors() -> None:
    found = measure_performance([Metric.RECALL], prediction=[0, 0], label=[0, 0])[Metric.RECALL]
    assert (found.value, found.is_error) == (None, False)


@pytest.mark.parametrize(
    ("prediction", "label", "accuracy"),
    [
        ([2**60 + 1] * 3, [2**60] * 3, 0.0),
        (pa.array([2**60 + 1, 2**60]), pa.array([2**60, 2**60], pa.uint64()), 0.5),
        (pa.array([2**60, 2**60 + 1]), pa.array([float(2**60)] * 2), 0.5),
        (pa.array([Decimal(2**60), Decimal(2**60 + 1)], pa.decimal128(38, 2)), [2**60] * 2, 0.5),
        ([str(2**60 + 1), str(2**60)], [2**60] * 2, 0.5),
        (["1", "0", "1.0", "1e0"], [1, 0, 1, 1], 1.0),
        (["true", "False", "1"], [True, False, True], 1.0),
        (pa.array([0.1, -0.0], pa.float32()), pa.array([0.1, 0.0]), 1.0),
        (pa.array([1 / 3], pa.float32()), pa.array([1 / 3]), 1.0),
        (pa.array([0.5, 1], pa.float16()), pa.array([Decimal("0.50"), Decimal(1)]), 1.0),
        (["1", "02"], ["1.0", "2"], 0.0),
    ],
)
def test_accuracy__classes_of_two_types__are_compared_by_value(
    prediction: Values, label: Values, accuracy: float
) -> None:
    found = measure_performance([Metric.ACCURACY], prediction=prediction, label=label)
    assert found[Metric.ACCURACY].value == accuracy


@pytest.mark.parametrize(
    ("prediction", "label", "said"),
    [
        (["yes", "no"], [1, 0], "prediction holds text that is no number, such as 'yes'"),
        ([1, 0], ["1", "n/a"], "label holds text that is no number, such as 'n/a'"),
        (["maybe", "yes"], [True, False], "prediction holds text that is no number, such as 'maybe'"),
        ([1, 0], pa.array([0, 1], pa.timestamp("us")), "holds timestamp"),
        ([b"a", b"b"], [b"a", b"b"], "holds binary"),
    ],
)  # fmt: skip
def test_accuracy__columns_that_cannot_be_compared__says_which_and_why(
    prediction: Values, label: Values, said: str
) -> None:
    with pytest.raises(UnusableColumn, match=said):
        measure_performance([Metric.ACCURACY], prediction=prediction, label=label)
