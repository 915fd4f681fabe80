"""The evidence against estimates, where labels follow a rule that is known."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import special

from algorithms.baseline import Baseline, FeatureKind
from algorithms.performance import (
    Estimators,
    LabelledLosses,
    LabelledScores,
    LossModel,
    Metric,
    ReferenceSample,
    ScoreCalibration,
    Support,
    estimate_classification,
    estimate_regression,
    examine,
    find_usual_shifts,
    join_columns,
    measure_performance,
)
from algorithms.performance.support import usual_shift
from tests.algorithms.performance.windows import regressed

METRICS = (Metric.ACCURACY, Metric.ROC_AUC)


class Rows:
    """The score knows the first feature; where the second is large, the labels are turned round."""

    def __init__(self, rng: np.random.Generator, n: int, *, moved: float = 0.0) -> None:
        self.features = rng.normal(size=(n, 2)) + np.array([0.0, moved])
        self.score = special.expit(2 * self.features[:, 0])
        is_turned = self.features[:, 1] > 1
        chance = np.where(is_turned, 1 - self.score, self.score)
        self.label = (rng.random(n) < chance).astype(float)
        self.prediction = (self.score > 0.5).astype(float)
        self.columns = join_columns(self.features, self.score)


def sample_of(rows: Rows) -> ReferenceSample:
    return ReferenceSample(
        features=("a", "b"),
        columns=rows.columns,
        usual_shifts=find_usual_shifts(rows.columns),
        scores=LabelledScores(
            score=rows.score, is_predicted=rows.prediction, is_positive=rows.label
        ),
    )


def support_of(reference: Rows, window: Rows) -> tuple[Support, dict[Metric, float]]:
    """The evidence, and by how much the estimates are off."""
    calibration = ScoreCalibration.fit(reference.score, reference.label)
    given = {"score": window.score, "prediction": window.prediction}
    estimates = estimate_classification(METRICS, **given, calibration=calibration)
    truth = measure_performance(METRICS, label=window.label, **given)
    found = examine(sample_of(reference), window.columns, estimates, calibration)
    assert found is not None
    errors = {
        metric: (truth[metric].value or 0.0) - (each.value or 0.0)
        for metric, each in estimates.items()
    }
    return found, errors


def test_support__inputs_move_to_where_labels_are_turned__is_gone() -> None:
    rng = np.random.default_rng(0)
    found, errors = support_of(Rows(rng, 4000), Rows(rng, 2000, moved=1.0))
    assert found.is_shifted
    assert all(found.is_unsupported(metric) for metric in METRICS)
    assert errors[Metric.ACCURACY] < -0.1
    assert found.gaps[Metric.ACCURACY] == pytest.approx(errors[Metric.ACCURACY], abs=0.06)


def test_support__nothing_moves__is_there() -> None:
    rng = np.random.default_rng(1)
    reference = Rows(rng, 4000)
    found = [support_of(reference, Rows(rng, 1000))[0] for _ in range(4)]
    assert not any(each.is_unsupported(metric) for each in found for metric in METRICS)


def test_reason__of_a_shift__names_shares_and_the_gap() -> None:
    found = Support(shift=0.81, usual_shift=0.53, gaps={Metric.ACCURACY: -0.12}, moves={})
    assert "in 81% of pairs, and 53% is usual" in found.reason(Metric.ACCURACY)
    assert "labels give 0.12 less than the estimate" in found.reason(Metric.ACCURACY)


def test_support__a_window_beyond_the_reference__is_gone_though_no_gap_is_seen() -> None:
    rng = np.random.default_rng(6)
    reference = Rows(rng, 3000)
    window = Rows(rng, 1000, moved=8.0)
    found, errors = support_of(reference, window)
    assert errors[Metric.ACCURACY] < -0.3
    assert found.unlike > 0.99
    assert "Hardly any row of the reference resembles" in found.reason(Metric.ACCURACY)
    alone = Support(shift=0.99, usual_shift=0.53, gaps={}, moves={}, unlike=0.5)
    assert alone.is_unsupported(Metric.ACCURACY)


def test_usual_shift__stretches_that_differ__allow_as_much() -> None:
    rng = np.random.default_rng(2)
    drifting = np.column_stack([np.linspace(0, 3, 3000) + rng.normal(size=3000), np.zeros(3000)])
    shifts = find_usual_shifts(drifting.astype(np.float32))
    assert len(shifts) == 6
    sample = ReferenceSample(
        features=("a",), columns=np.zeros((3000, 2), np.float32), usual_shifts=shifts
    )
    assert usual_shift(sample, 500) == pytest.approx(shifts.mean() + 2 * np.std(shifts, ddof=1))
    assert shifts.mean() > 0.6


def test_examine__too_few_rows__says_nothing() -> None:
    rows = Rows(np.random.default_rng(3), 700)
    assert examine(sample_of(rows), rows.columns[:99], {}, None) is None


def test_examine__losses_that_the_model_overlooks__are_a_share_of_the_loss() -> None:
    rng = np.random.default_rng(4)
    reference, window = regressed(rng, 3000), regressed(rng, 1500, shift=1.0)
    model = LossModel.fit(
        np.zeros((3000, 1)), np.zeros(3000), reference.label - reference.prediction
    )
    sizes = np.zeros((3000, 2))
    sample = ReferenceSample(
        features=("a", "b", "c"),
        columns=join_columns(reference.features, reference.prediction),
        usual_shifts=np.empty(0),
        losses=LabelledLosses(
            error=np.abs(reference.label - reference.prediction),
            absolute=model.absolute.expect(sizes),
            squared=model.squared.expect(sizes),
        ),
    )
    estimates = estimate_regression(
        [Metric.MAE], features=np.zeros((1500, 1)), prediction=np.zeros(1500), model=model
    )
    columns = join_columns(window.features, window.prediction)
    found = examine(sample, columns, estimates)
    assert found is not None
    realised = np.abs(window.label - window.prediction).mean()
    estimated = estimates[Metric.MAE].value or 0.0
    assert found.gaps[Metric.MAE] == pytest.approx(realised / estimated - 1, abs=0.15)
    assert found.is_unsupported(Metric.MAE)


def test_bundle__with_a_sample__round_trips() -> None:
    rows = Rows(np.random.default_rng(5), 700)
    fitted = Baseline.fit(pa.table({"x": [1.0, 2.0]}), {"x": FeatureKind.NUMERIC})
    given = Baseline(
        rows=2, sampled_rows=2, seed=1, bins=10, features=fitted.features,
        estimators=Estimators(sample=sample_of(rows)),
    )  # fmt: skip
    found = Baseline.from_bytes(given.to_bytes())
    assert found.content_hash == given.content_hash
    assert found.estimators is not None
    assert found.estimators.sample is not None
    assert found.estimators.sample.features == ("a", "b")
    np.testing.assert_array_equal(found.estimators.sample.columns, rows.columns)
    assert found.estimators.sample.losses is None
