import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics as oracle

from algorithms.arrays import FloatArray, IntArray
from algorithms.performance import Metric, MetricEstimate, measure_performance
from tests.algorithms.performance.windows import classified, holds, realised


def auc(score: FloatArray, label: IntArray) -> MetricEstimate:
    return measure_performance([Metric.ROC_AUC], prediction=label, label=label, score=score)[
        Metric.ROC_AUC
    ]


def delong_by_hand(score: FloatArray, label: IntArray) -> float:
    """The standard error from the table of all pairs."""
    pairs = score[label == 1][:, None] - score[label == 0][None, :]
    wins = (pairs > 0) + (pairs == 0) / 2
    return float(
        (wins.mean(1).var(ddof=1) / wins.shape[0] + wins.mean(0).var(ddof=1) / wins.shape[1]) ** 0.5
    )


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_roc_auc__ties_or_none__value_and_delongs_error_from_all_pairs(decimals: int) -> None:
    window = classified(np.random.default_rng(decimals), 400)
    score = window.score.round(decimals)
    found = auc(score, window.label)
    assert found.value == pytest.approx(oracle.roc_auc_score(window.label, score))
    assert found.standard_error == pytest.approx(delong_by_hand(score, window.label))


def test_roc_auc__resampled_window__error_of_the_bootstrap() -> None:
    rng = np.random.default_rng(2)
    window = classified(rng, 500)
    rows = rng.integers(0, 500, (400, 500))
    values = [oracle.roc_auc_score(window.label[each], window.score[each]) for each in rows]
    assert auc(window.score, window.label).standard_error == pytest.approx(np.std(values), rel=0.1)


def test_roc_auc__interval__is_normal_on_the_scale_of_the_logit() -> None:
    window = classified(np.random.default_rng(4), 300)
    found = auc(window.score, window.label)
    assert found.value is not None
    assert found.standard_error is not None
    low, high = stats.norm.interval(
        0.95, 0, found.standard_error / (found.value * (1 - found.value))
    )
    assert found.lower == pytest.approx(special.expit(special.logit(found.value) + low))
    assert found.upper == pytest.approx(special.expit(special.logit(found.value) + high))


@pytest.mark.parametrize("separation", [1.0, 2.5])
def test_roc_auc__normal_scores__interval_holds_the_true_area(separation: float) -> None:
    rng, held = np.random.default_rng(6), []
    for _ in range(600):
        label = (rng.random(300) < 0.3).astype(int)
        score = stats.norm.cdf(rng.normal(size=300) + separation * label)
        held.append(holds(auc(score, label), stats.norm.cdf(separation / 2**0.5)))
    assert 0.92 <= np.mean(held) <= 0.97


@pytest.mark.parametrize(("positives", "lowest"), [(50, 0.9), (1, 0.2)])
def test_roc_auc__perfect_ranking__interval_keeps_a_width(positives: int, lowest: float) -> None:
    label = np.repeat([0, 1], [50, positives])
    found = auc(label.astype(float), label)
    assert (found.value, found.upper) == (1, 1)
    assert holds(found, lowest + 0.05)
    assert not holds(found, lowest)


def test_log_loss__sure_and_wrong__is_cut_off() -> None:
    found = measure_performance([Metric.LOG_LOSS], prediction=[0, 0], label=[1, 0], score=[0, 0])[
        Metric.LOG_LOSS
    ]
    assert found.value == pytest.approx(-np.log(1e-15) / 2)


def test_log_loss__any_window__error_of_the_mean() -> None:
    window = classified(np.random.default_rng(8), 300)
    losses = -np.log(np.where(window.label == 1, window.score, 1 - window.score))
    assert realised(window)[Metric.LOG_LOSS].standard_error == pytest.approx(stats.sem(losses))
