from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as oracle

from algorithms.performance import Metric, measure_performance
from tests.algorithms.performance.windows import REGRESSION, Estimates, share_held

numbers = st.floats(-1e6, 1e6).filter(lambda number: abs(number) > 1e-3)
windows = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=50)


@given(windows)
@settings(max_examples=50)
def test_errors__any_numbers__match_sklearn(window: list[tuple[float, float]]) -> None:
    prediction, label = (np.array(column) for column in zip(*window, strict=True))
    found = measure_performance(REGRESSION, prediction=prediction, label=label)
    assert found[Metric.MAE].value == pytest.approx(oracle.mean_absolute_error(label, prediction))
    assert found[Metric.RMSE].value == pytest.approx(
        oracle.root_mean_squared_error(label, prediction)
    )
    assert found[Metric.MAPE].value == pytest.approx(
        oracle.mean_absolute_percentage_error(label, prediction)
    )
    assert found[Metric.MAE].standard_error == pytest.approx(
        stats.sem(np.abs(prediction - label)), abs=1e-12
    )


def test_rmse__resampled_window__error_of_the_bootstrap() -> None:
    rng = np.random.default_rng(1)
    errors = rng.normal(size=1000)
    found = measure_performance([Metric.RMSE], prediction=errors, label=np.zeros(1000))[Metric.RMSE]
    resampled = np.sqrt(np.mean(errors[rng.integers(0, 1000, (1000, 1000))] ** 2, axis=1))
    assert found.standard_error == pytest.approx(np.std(resampled), rel=0.1)


@pytest.mark.parametrize("draw", ["normal", "laplace"])
def test_errors__many_windows__intervals_cover_as_promised(draw: str) -> None:
    rng = np.random.default_rng(9)

    def measure(n: int) -> Estimates:
        label = rng.uniform(1, 3, n)
        return measure_performance(
            REGRESSION, prediction=label + getattr(rng, draw)(size=n), label=label
        )

    for held in share_held(measure, rows=500).values():
        assert 0.92 <= held <= 0.97


def test_mape__labels_of_zero__are_left_out_and_counted() -> None:
    found = measure_performance([Metric.MAPE], prediction=[1, 2, 3, 4], label=[0, 1, 2, 0])[
        Metric.MAPE
    ]
    assert (found.value, found.n, found.left_out) == (0.75, 2, 2)


def test_mape__too_few_labels_but_zero__is_undefined() -> None:
    found = measure_performance([Metric.MAPE], prediction=[1, 2, 3], label=[0, 1, 0])[Metric.MAPE]
    assert (found.value, found.left_out) == (None, 2)
    assert found.reason == "Fewer than two rows have a label other than 0."


def test_errors__no_error_at_all__no_width() -> None:
    for found in measure_performance(REGRESSION, prediction=[1, 2, 3], label=[1, 2, 3]).values():
        assert (found.value, found.lower, found.upper, found.standard_error) == (0, 0, 0, 0)


def test_errors__one_row__no_interval_and_no_value() -> None:
    for found in measure_performance(REGRESSION, prediction=[1], label=[2]).values():
        assert (found.value, found.n) == (None, 1)
        assert "single row" in found.reason


WHOLE: list[pa.DataType] = [pa.int64(), pa.uint64(), pa.decimal128(20, 0), pa.decimal128(38, 2)]


@pytest.mark.parametrize("label", WHOLE)
@pytest.mark.parametrize("prediction", WHOLE)
def test_measure_performance__whole_numbers_beyond_floats__are_subtracted_exactly(
    prediction: pa.DataType, label: pa.DataType
) -> None:
    predictions = [Decimal(2**60 - 1), Decimal(2**60 + 3)]
    columns: dict[str, Any] = {
        "prediction": pa.array(predictions, pa.decimal128(38, 2)).cast(prediction),
        "label": pa.array([Decimal(2**60)] * 2, pa.decimal128(38, 2)).cast(label),
    }
    found = measure_performance([Metric.MAE, Metric.RMSE], **columns)
    assert [found[metric].value for metric in (Metric.MAE, Metric.RMSE)] == pytest.approx(
        [2, 5**0.5]
    )
