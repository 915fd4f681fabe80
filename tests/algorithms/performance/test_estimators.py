"""The estimators in a baseline's bundle, and those of baselines from before."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from algorithms.baseline import Baseline, FeatureKind
from algorithms.performance import (
    Estimators,
    LossModel,
    Metric,
    ScoreCalibration,
    estimate_classification,
    estimate_regression,
    measure_dispersion,
)
from tests.algorithms.performance.windows import Classified, classified, regressed

OLD: dict[str, Any] = json.loads((Path(__file__).parent / "old_estimators.json").read_text())
"""Models as version 1.0 stored them, and what it answered about some rows; written by its code."""
FRAME = Baseline.fit(pa.table({"x": [1.0, 2.0]}), {"x": FeatureKind.NUMERIC})


def with_all(rng: np.random.Generator) -> Estimators:
    scored, priced = classified(rng, 400), regressed(rng, 400)
    return Estimators(
        calibration=ScoreCalibration.fit(scored.score, scored.label),
        dispersion={Metric.F1: 1.5},
        losses=LossModel.fit(priced.features, priced.prediction, priced.label),
        features=("a", "b", "c"),
    )


def in_bundle(estimators: Estimators | None) -> Baseline:
    return Baseline(
        rows=2, sampled_rows=2, seed=1, bins=10, features=FRAME.features, estimators=estimators
    )


def test_baseline__with_estimators__round_trips() -> None:
    given = in_bundle(with_all(np.random.default_rng(0)))
    found = Baseline.from_bytes(given.to_bytes())
    assert found.estimators is not None
    assert found.content_hash == given.content_hash
    assert found.estimators.dispersion == {Metric.F1: 1.5}
    assert found.estimators.features == ("a", "b", "c")
    assert found.features.keys() == {"x"}


def test_baseline__other_estimators__another_hash() -> None:
    hashes = {
        in_bundle(each).content_hash
        for each in (None, Estimators(), with_all(np.random.default_rng(1)))
    }
    assert len(hashes) == 3


def test_old_losses__any_rows__answer_as_they_did() -> None:
    learnt = Estimators.from_json(OLD["performance"])
    assert learnt.losses is not None
    columns = learnt.losses.columns(np.array(OLD["features"], float), OLD["prediction"])
    for kind in ("absolute", "squared"):
        assert getattr(learnt.losses, kind).expect(columns).tolist() == OLD[kind]


def test_old_estimators__a_window__is_judged_as_before() -> None:
    learnt = Estimators.from_json(OLD["performance"])
    assert learnt.calibration is not None
    assert learnt.losses is not None
    score = np.array(OLD["score"])
    found = estimate_regression(
        [Metric.MAE, Metric.RMSE],
        features=np.array(OLD["features"], float),
        prediction=OLD["prediction"],
        model=learnt.losses,
    ) | estimate_classification(
        [Metric.F1, Metric.ACCURACY],
        score=score,
        prediction=(score > 0.5).astype(int),
        calibration=learnt.calibration,
    )
    for name, expected in OLD["estimates"].items():
        each = found[Metric(name)]
        assert [each.value, each.lower, each.upper] == pytest.approx(expected, rel=1e-12)


def test_dispersion__independent_rows__is_near_one() -> None:
    window = classified(np.random.default_rng(2), 20_000, power=2)
    found = measure_dispersion(score=window.score, prediction=window.prediction, label=window.label)
    assert found.keys() == {each for each in Metric if each not in ("mae", "rmse", "mape")}
    assert all(1 <= each < 1.6 for each in found.values())


def test_dispersion__labels_change_with_time__is_large() -> None:
    rng = np.random.default_rng(3)
    days = [classified(rng, 500, power=power) for power in rng.choice([0.4, 3.0], 20)]
    window = Classified(*(np.concatenate(each) for each in zip(*map(_columns, days), strict=True)))
    found = measure_dispersion(score=window.score, prediction=window.prediction, label=window.label)
    assert found[Metric.ACCURACY] > 1.6


def _columns(window: Classified) -> tuple[Any, Any, Any]:
    return window.score, window.prediction, window.label


def test_dispersion__labels_of_one_class_in_places__still_answers() -> None:
    label = np.repeat([0, 1], [390, 10])
    found = measure_dispersion(
        score=np.linspace(0, 1, 400), prediction=label, label=label, positive=1
    )
    assert found[Metric.ACCURACY] >= 1


@pytest.mark.parametrize(("rows", "seed"), [(600, 0), (2000, 1), (2000, 2)])
def test_dispersion__one_positive_in_a_hundred__is_no_guess(rows: int, seed: int) -> None:
    """Independent labels of the score's own chance: no factor is far from 1."""
    rng = np.random.default_rng(seed)
    score = np.clip(rng.gamma(0.5, 0.02, rows), 0, 1)
    label = (rng.random(rows) < score).astype(int)
    found = measure_dispersion(score=score, prediction=(score > 0.02).astype(int), label=label)
    assert max(found.values()) < 1.6


def test_estimate__dispersion_of_a_metric__widens_that_one_alone() -> None:
    rng = np.random.default_rng(5)
    reference, window = classified(rng, 5000), classified(rng, 1000)
    calibration = ScoreCalibration.fit(reference.score, reference.label)

    def errors_with(factors: dict[Metric, float]) -> list[float | None]:
        found = estimate_classification(
            [Metric.F1, Metric.ACCURACY],
            score=window.score,
            prediction=window.prediction,
            calibration=calibration,
            dispersion=factors,
        )
        return [found[metric].standard_error for metric in (Metric.F1, Metric.ACCURACY)]

    usual = errors_with({})
    assert errors_with({Metric.F1: 2.0}) == [2 * (usual[0] or 0), usual[1]]


def test_loss_model__stretches_that_drift__has_wider_intervals() -> None:
    """The size of errors doubles from one stretch of 100 rows to the next, which no feature tells."""
    rng = np.random.default_rng(6)
    features, prediction = rng.normal(size=(2000, 2)), np.zeros(2000)
    steady = rng.normal(size=2000)
    drifting = steady * np.repeat(rng.choice([0.3, 3.0], 20), 100)
    models = [LossModel.fit(features, prediction, label) for label in (steady, drifting)]
    assert models[0].absolute.dispersion < 1.5 < models[1].absolute.dispersion
