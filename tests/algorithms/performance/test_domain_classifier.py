"""The classifier that tells windows from the reference, where the truth is known by construction."""

import numpy as np
import pytest
from scipy import stats

from algorithms.performance.domain_classifier import FARTHEST, DomainClassifier


def normal(rng: np.random.Generator, rows: int, shift: float = 0.0) -> np.ndarray:
    values = rng.normal(size=(rows, 3))
    values[:, 0] += shift
    return values.astype(np.float32)


def test_shift__rows_of_one_distribution__is_half_within_chance() -> None:
    rng = np.random.default_rng(0)
    found = [DomainClassifier.fit(normal(rng, 1500), normal(rng, 800)).shift for _ in range(5)]
    assert max(found) < 0.53


def test_shift__a_moved_normal__is_that_of_the_best_classifier() -> None:
    rng = np.random.default_rng(1)
    found = DomainClassifier.fit(normal(rng, 3000), normal(rng, 2000, shift=1.0))
    best = stats.norm.cdf(1 / np.sqrt(2))
    assert best - 0.03 < found.shift < best + 0.02


def test_weights__a_moved_normal__move_the_mean_of_the_reference() -> None:
    rng = np.random.default_rng(2)
    reference = normal(rng, 4000)
    found = DomainClassifier.fit(reference, normal(rng, 4000, shift=0.5))
    assert found.weights.mean() == pytest.approx(1.0)
    assert np.average(reference[:, 0], weights=found.weights) == pytest.approx(0.5, abs=0.08)


def test_weights__a_window_far_away__have_a_bound() -> None:
    rng = np.random.default_rng(3)
    found = DomainClassifier.fit(normal(rng, 500), normal(rng, 500, shift=20.0))
    assert found.shift > 0.99
    assert found.of_window.max() <= 1 - FARTHEST


def test_fit__columns_without_a_value_in_the_window__tell_it_apart() -> None:
    rng = np.random.default_rng(4)
    window = normal(rng, 500)
    window[:, 1] = np.nan
    assert DomainClassifier.fit(normal(rng, 500), window).shift > 0.99


def test_fit__columns_without_a_value_or_a_difference__tell_nothing() -> None:
    rng = np.random.default_rng(5)
    reference, window = normal(rng, 600), normal(rng, 600)
    for each in (reference, window):
        each[:, 1], each[:, 2] = np.nan, 7.0
    assert DomainClassifier.fit(reference, window).shift < 0.56
