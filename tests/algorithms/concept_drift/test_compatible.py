"""River is the oracle: with river's defaults, our detectors answer as it does, observation by observation."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import datasets, drift
from sklearn.datasets import load_breast_cancer

from algorithms.concept_drift.adwin import ADWIN
from algorithms.concept_drift.ddm import DDM, EDDM
from algorithms.concept_drift.detector import Detector
from algorithms.concept_drift.page_hinkley import PageHinkley
from tests.algorithms.concept_drift.streams import Stream, bernoulli, gaussian

PEERS: dict[type[Detector], Any] = {
    ADWIN: drift.ADWIN,
    DDM: drift.binary.DDM,
    EDDM: drift.binary.EDDM,
    PageHinkley: drift.PageHinkley,
}
SEEDS = range(12)


def answers_of_river(peer: Any, stream: Stream) -> tuple[list[int], list[int]]:
    drifts, warnings = [], []
    for position, value in enumerate(stream.tolist()):
        peer.update(value)
        if peer.drift_detected:
            drifts.append(position)
        elif getattr(peer, "warning_detected", False):
            warnings.append(position)
    return drifts, warnings


def check(kind: type[Detector], stream: Stream, **chosen: Any) -> int:
    drifts, warnings = answers_of_river(PEERS[kind](**chosen), stream)
    found = kind(**chosen).update_many(stream)
    assert found.drift.tolist() == drifts
    assert found.warning.tolist() == warnings
    return len(drifts)


@pytest.mark.parametrize("kind", PEERS)
def test_detector__bernoulli_streams__answers_as_river(kind: type[Detector]) -> None:
    rates = [np.random.default_rng(seed).random(5) * 0.6 for seed in SEEDS]
    chosen: dict[str, Any] = {"threshold": 5.0} if kind is PageHinkley else {}
    found = [
        check(kind, bernoulli(*rate, seed=seed), **chosen)
        for seed, rate in zip(SEEDS, rates, strict=True)
    ]
    assert sum(found) > len(SEEDS)


@pytest.mark.parametrize("kind", [ADWIN, PageHinkley])
def test_detector__gaussian_streams__answers_as_river(kind: type[Detector]) -> None:
    means = [np.random.default_rng(seed).normal(size=5) * 4 for seed in SEEDS]
    found = [
        check(kind, gaussian(*mean, scale=4, seed=seed))
        for seed, mean in zip(SEEDS, means, strict=True)
    ]
    assert sum(found) > len(SEEDS)


@pytest.mark.parametrize("kind", [ADWIN, PageHinkley])
def test_detector__real_series__answers_as_river(kind: type[Detector]) -> None:
    passengers = [float(y) for _, y in datasets.AirlinePassengers()]  # type: ignore[no-untyped-call]
    cells = load_breast_cancer().data[:, 3]
    series = np.concatenate([np.repeat(passengers, 5), cells])
    assert check(kind, series) > 0


@pytest.mark.parametrize("kind", [ADWIN, DDM, EDDM])
def test_detector__real_errors__answers_as_river(kind: type[Detector]) -> None:
    phishing = np.array(
        [float(x["empty_server_form_handler"] != y) for x, y in datasets.Phishing()]
    )
    check(kind, np.tile(np.concatenate([phishing, 1 - phishing]), 4))


@given(st.data())
@settings(max_examples=60)
def test_adwin__any_settings__answers_as_river(data: st.DataObject) -> None:
    chosen = {
        "delta": data.draw(st.sampled_from([1e-6, 0.002, 0.05, 0.3, 0.9])),
        "clock": data.draw(st.sampled_from([1, 2, 7, 32, 300])),
        "max_buckets": data.draw(st.integers(2, 8)),  # river 0.26 panics with 1
        "min_window_length": data.draw(st.integers(1, 20)),
        "grace_period": data.draw(st.integers(1, 50)),
    }
    seed = data.draw(st.integers(0, 1000))
    scale = data.draw(st.sampled_from([1e-6, 0.3, 1e6]))
    check(ADWIN, gaussian(0, scale, -scale, each=400, scale=scale, seed=seed), **chosen)


@given(st.integers(1, 200), st.floats(0.5, 3), st.floats(0, 2), st.integers(0, 1000))
@settings(max_examples=30)
def test_ddm__any_settings__answers_as_river(
    warm_start: int, warning: float, more: float, seed: int
) -> None:
    chosen = {
        "warm_start": warm_start,
        "warning_threshold": warning,
        "drift_threshold": warning + more,
    }
    check(DDM, bernoulli(0.2, 0.4, 0.1, each=500, seed=seed), **chosen)


@given(st.integers(1, 100), st.floats(0.1, 0.9), st.floats(0, 0.5), st.integers(0, 1000))
@settings(max_examples=30)
def test_eddm__any_settings__answers_as_river(
    warm_start: int, beta: float, more: float, seed: int
) -> None:
    check(
        EDDM,
        bernoulli(0.1, 0.4, 0.2, each=500, seed=seed),
        warm_start=warm_start,
        beta=beta,
        alpha=beta + more,
    )
