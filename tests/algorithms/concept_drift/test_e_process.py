"""Tests the promises of the e-process, against its definition written out and against chance."""

import numpy as np
import pytest
from scipy.special import betaln, logsumexp
from scipy.stats import binom

from algorithms.concept_drift.e_process import CANDIDATES, PRIOR_SUM, SPACING, EProcess
from tests.algorithms.concept_drift.streams import Stream, bernoulli


def log_e_value(stream: Stream) -> float:
    """E as its definition says, over every change point; Krichevsky–Trofimov's bets have a closed form for bits."""
    starts = np.arange(0, len(stream), SPACING)
    ranks = np.arange(2, len(starts) + 1)
    weights = np.concatenate([[0.0], -np.log(PRIOR_SUM * ranks * np.log(ranks) ** 2)])
    fortunes = [
        log_krichevsky_trofimov(stream[:start]) + log_krichevsky_trofimov(stream[start:])
        for start in starts
    ]
    n, total = len(stream), stream.sum()
    best = sum(count * np.log(count / n) for count in (total, n - total) if count)
    return float(logsumexp(weights + np.array(fortunes)) - best)


def log_krichevsky_trofimov(stream: Stream) -> float:
    return float(betaln(stream.sum() + 0.5, len(stream) - stream.sum() + 0.5) - betaln(0.5, 0.5))


@pytest.mark.parametrize("alpha", [0.3, 0.01, 1e-6])
@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_e_process__short_stream__alarms_where_its_definition_does(
    alpha: float, rate: float
) -> None:
    stream = bernoulli(rate, 1 - rate, each=CANDIDATES * SPACING // 2 - SPACING, seed=3)
    looks = range(SPACING, len(stream) + 1, SPACING)
    expected = next(look for look in looks if log_e_value(stream[:look]) >= -np.log(alpha))
    assert EProcess(alpha=alpha).update_many(stream).drift[0] == expected - 1


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.4])
def test_e_process__stationary_streams__alarm_no_more_often_than_alpha_ever(rate: float) -> None:
    alpha, streams = 0.05, 200
    alarms = sum(
        bool(len(EProcess(alpha=alpha).update_many(bernoulli(rate, each=10_000, seed=seed)).drift))
        for seed in range(streams)
    )
    assert alarms <= binom.ppf(0.999, streams, alpha)


def test_e_process__dependent_fractions_of_constant_conditional_mean__alarm_no_more_often_than_alpha() -> (
    None
):
    random = np.random.default_rng(5)
    alpha, streams, alarms = 0.05, 200, 0
    for _ in range(streams):
        spread = np.repeat(
            random.choice([0.05, 0.3], 100), 50
        )  # the scatter changes, the mean does not
        alarms += bool(
            len(
                EProcess(alpha=alpha).update_many(0.3 + spread * random.choice([-1, 1], 5000)).drift
            )
        )
    assert alarms <= binom.ppf(0.999, streams, alpha)


def test_e_process__warning__comes_before_the_drift() -> None:
    found = EProcess().update_many(bernoulli(0.1, 0.3, each=4000))
    assert 4000 < found.warning[0] < found.drift[0]
