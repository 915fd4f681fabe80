from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor

from algorithms.arrays import FloatArray
from algorithms.errors import InsufficientData
from algorithms.performance import LossModel, Metric, estimate_regression, measure_performance
from tests.algorithms.performance.windows import Estimates, Regressed, holds, regressed

BOTH = (Metric.MAE, Metric.RMSE)
NAN = float("nan")


def fitted(window: Regressed) -> LossModel:
    return LossModel.fit(window.features, window.prediction, window.label)


@pytest.fixture(scope="module")
def small() -> LossModel:
    """A model of 200 rows."""
    return fitted(regressed(np.random.default_rng(9), 200))


def estimated(window: Regressed, model: LossModel) -> Estimates:
    return estimate_regression(
        BOTH, features=window.features, prediction=window.prediction, model=model
    )


def realised(window: Regressed) -> Estimates:
    return measure_performance(BOTH, prediction=window.prediction, label=window.label)


def losses(model: LossModel, window: Regressed) -> FloatArray:
    return model.absolute.expect(model.columns(window.features, window.prediction))


@pytest.mark.parametrize("shift", [-1.0, 0.0, 1.0])
def test_estimate_regression__shifted_window__is_near_the_realised(shift: float) -> None:
    rng = np.random.default_rng(0)
    reference, window = regressed(rng, 20_000), regressed(rng, 20_000, shift)
    found, truth = estimated(window, fitted(reference)), realised(window)
    for metric in BOTH:
        assert found[metric].value == pytest.approx(truth[metric].value, rel=0.04)
        assert holds(realised(reference)[metric], truth[metric].value) == (shift == 0)


@pytest.mark.parametrize(("rows", "n", "shift"), [(4000, 1000, 0.0), (4000, 4000, 1.0)])
def test_estimate_regression__many_windows__intervals_hold_the_realised(
    rows: int, n: int, shift: float
) -> None:
    rng = np.random.default_rng(1)
    held: dict[Metric, list[bool]] = {metric: [] for metric in BOTH}
    models = [fitted(regressed(rng, rows)) for _ in range(3)]
    for model in 20 * models:
        window = regressed(rng, n, shift)
        found, truth = estimated(window, model), realised(window)
        for metric in BOTH:
            held[metric].append(holds(found[metric], truth[metric].value))
    for each in held.values():
        assert stats.binomtest(sum(each), 60, 0.95).pvalue > 0.001


def test_loss_model__new_rows__sklearns_losses() -> None:
    rng = np.random.default_rng(2)
    reference, window = regressed(rng, 3000), regressed(rng, 3000)
    theirs = HistGradientBoostingRegressor(early_stopping=False).fit(
        np.column_stack([reference.prediction, reference.features]),
        np.abs(reference.prediction - reference.label),
    )
    expected = theirs.predict(np.column_stack([window.prediction, window.features]))
    found = losses(fitted(reference), window)
    assert found == pytest.approx(np.clip(expected, 0, None), abs=1e-12)


def test_loss_model__same_rows__same_model() -> None:
    window = regressed(np.random.default_rng(3), 2000)
    assert fitted(window).to_arrays() == fitted(window).to_arrays()


def test_loss_model__arrays__round_trip() -> None:
    window = regressed(np.random.default_rng(4), 1000)
    window.features[::5, 1], window.features[::7, 2] = NAN, np.inf
    model = fitted(window)
    again = LossModel.from_arrays(model.to_arrays())
    assert again.to_arrays() == model.to_arrays()
    assert estimated(window, again) == estimated(window, model)


def test_estimate_regression__rows_in_another_order__same() -> None:
    rng = np.random.default_rng(5)
    model, window, order = fitted(regressed(rng, 1000)), regressed(rng, 500), rng.permutation(500)
    shuffled = Regressed(window.features[order], window.prediction[order], window.label[order])
    for metric in BOTH:
        before, after = estimated(window, model)[metric], estimated(shuffled, model)[metric]
        assert before.value == pytest.approx(after.value)
        assert before.standard_error == pytest.approx(after.standard_error)


def test_loss_model__unknown_feature_goes_with_large_errors__is_learnt() -> None:
    rng = np.random.default_rng(6)
    features = np.where(rng.random((4000, 1)) < 0.3, NAN, rng.normal(size=(4000, 1)))
    label = rng.normal(size=4000) * np.where(np.isnan(features[:, 0]), 5, 1)
    model = LossModel.fit(features, np.zeros(4000), label)
    found = [
        estimate_regression(
            [Metric.MAE], features=np.full((50, 1), value), prediction=np.zeros(50), model=model
        )
        for value in (NAN, 0.0)
    ]
    assert [each[Metric.MAE].value for each in found] == pytest.approx(
        [5 * (2 / np.pi) ** 0.5, (2 / np.pi) ** 0.5], 0.1
    )


def test_effective_rows__window_like_the_reference_or_unlike__all_or_few() -> None:
    rng = np.random.default_rng(7)
    model, alike, unlike = (
        fitted(regressed(rng, 5000)),
        regressed(rng, 50_000),
        regressed(rng, 50_000, shift=1),
    )
    rows = [
        model.effective_rows(model.columns(each.features, each.prediction))
        for each in (alike, unlike)
    ]
    assert rows == pytest.approx([5000, 5000 / np.e], rel=0.15)
    unseen = np.full((100, 3), NAN)
    assert model.effective_rows(model.columns(unseen, np.zeros(100))) < 5


def test_loss_model__very_many_rows__a_part_is_learnt_from() -> None:
    window = regressed(np.random.default_rng(8), 100_500)
    model = fitted(window)
    assert model.counts.sum(axis=1).tolist() == [100_000] * 4
    assert estimated(window, model)[Metric.MAE].value == pytest.approx(
        realised(window)[Metric.MAE].value, rel=0.01
    )


def test_loss_model__no_error_at_all__expects_none() -> None:
    model = LossModel.fit(np.zeros((200, 0)), np.arange(200), np.arange(200))
    for found in estimate_regression(
        BOTH, features=np.zeros((9, 0)), prediction=range(9), model=model
    ).values():
        assert (found.value, found.standard_error, found.n) == (0, 0, 9)


def test_estimate_regression__no_rows__is_undefined(small: LossModel) -> None:
    found = estimate_regression(BOTH, features=np.zeros((0, 3)), prediction=[], model=small)
    assert {(each.value, each.n, each.reason) for each in found.values()} == {
        (None, 0, "There are no rows.")
    }


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"features": np.zeros((2, 2)), "prediction": [0, 1]}, "Expected 3 features, but got 2"),
        ({"features": np.zeros(2), "prediction": [0, 1]}, "not 1-dimensional"),
        ({"features": np.zeros((2, 3)), "prediction": [0, 1, 2]}, "prediction 3, features 2"),
        ({"features": np.zeros((2, 3)), "prediction": [0, NAN]}, "finite"),
        ({"features": np.zeros((2, 3)), "prediction": [0, 1], "level": 2}, "between 0 and 1"),
        (
            {"features": np.zeros((2, 3)), "prediction": [0, 1], "metrics": [Metric.MAPE]},
            "Without labels mape",
        ),
    ],
)
def test_estimate_regression__unusable_input__says_why(
    small: LossModel, columns: dict[str, Any], said: str
) -> None:
    usual: dict[str, Any] = {"metrics": BOTH, "model": small}
    with pytest.raises(ValueError, match=said):
        estimate_regression(**usual | columns)


def test_loss_model__unusable_rows__says_why() -> None:
    with pytest.raises(InsufficientData, match="takes 100 rows, but there are 99"):
        LossModel.fit(np.zeros((99, 1)), np.zeros(99), np.zeros(99))
    with pytest.raises(ValueError, match="prediction 100, label 99"):
        LossModel.fit(np.zeros((100, 1)), np.zeros(100), np.zeros(99))
    with pytest.raises(ValueError, match="label must be a finite number"):
        LossModel.fit(np.zeros((100, 1)), np.zeros(100), np.full(100, NAN))
