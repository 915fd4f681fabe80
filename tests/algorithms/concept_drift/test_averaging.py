"""Means of errors, against numpy, however the errors are cut into batches."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from algorithms.concept_drift.averaging import LEARNT_FROM, Averaging, Observations
from algorithms.concept_drift.detector_registry import ConceptMethod, new_detector

ERRORS = (np.random.default_rng(0).random(4000) < 0.2).astype(float)

CLUSTERED = np.repeat(ERRORS[:400], 10)


@given(st.lists(st.integers(0, len(ERRORS)), max_size=8), st.integers(2, 60))
def test_take__cut_anywhere_and_stored_between__gives_the_means_of_the_whole(
    cuts: list[int], each: int
) -> None:
    averaging, values = Averaging(each=each, mean=0.1, deviation=0.5), []
    for part in np.split(ERRORS, sorted(cuts)):
        averaging = Averaging.resumed(each, json.loads(json.dumps(averaging.as_json())))
        values += averaging.take(part).values.tolist()
    whole = ERRORS[: len(ERRORS) // each * each].reshape(-1, each).mean(axis=1)
    assert values == pytest.approx(((whole - 0.1) / 0.5).tolist())
    assert averaging.count == len(ERRORS) % each


def test_take__parts_of_errors_cut_anywhere__are_the_same_to_the_last_bit() -> None:
    errors = np.random.default_rng(3).random(1000)
    whole, parted = Averaging(each=7, mean=0.5), Averaging(each=7, mean=0.5)
    values = np.concatenate([parted.take(part).values for part in np.array_split(errors, 90)])
    assert values.tolist() == whole.take(errors).values.tolist()
    assert parted == whole


def test_take__nothing_known__learns_from_the_first_means_and_shows_the_rest() -> None:
    shown = Averaging(each=50).take(CLUSTERED)
    means = CLUSTERED.reshape(-1, 50).mean(axis=1)
    learnt = means[:LEARNT_FROM]
    assert shown.values == pytest.approx((means[LEARNT_FROM:] - learnt.mean()) / learnt.std(ddof=1))
    assert shown.row(0) == (LEARNT_FROM + 1) * 50 - 1


def test_take__learning_over_several_batches__ends_at_the_same_mean() -> None:
    averaging = Averaging(each=50)
    parts = [averaging.take(part) for part in np.split(ERRORS, [30, 777, 1490, 1510, 2222])]
    assert np.concatenate([part.values for part in parts]) == pytest.approx(
        Averaging(each=50).take(ERRORS).values
    )


def test_take__observation__ends_in_the_row_that_completes_it() -> None:
    averaging = Averaging(each=10, mean=0.1)
    averaging.take(ERRORS[:7])
    shown = averaging.take(ERRORS[7:35])
    assert [shown.row(position) for position in range(len(shown.values))] == [2, 12, 22]


def test_learn__reference__is_what_is_usual_from_the_start() -> None:
    averaging = Averaging(each=100)
    averaging.learn(ERRORS[:1050])
    means = ERRORS[:1000].reshape(-1, 100).mean(axis=1)
    assert averaging.take(ERRORS[1050:1150]).values[0] == pytest.approx(
        (ERRORS[1050:1150].mean() - means.mean()) / averaging.deviation
    )


def test_learn__means_without_scatter__differ_as_independent_errors_would() -> None:
    averaging = Averaging(each=100)
    averaging.learn(np.tile([1.0] + [0.0] * 9, 300))
    assert averaging.deviation == pytest.approx(np.sqrt(0.1 * 0.9 / 100))


def test_resumed__means_of_another_size__begins_anew() -> None:
    assert Averaging.resumed(20, Averaging(each=10, count=3).as_json()) == Averaging(each=20)


@pytest.mark.parametrize("method", [ConceptMethod.E_PROCESS, ConceptMethod.PAGE_HINKLEY])
def test_observations__rate__is_the_error_rate_of_what_was_shown(method: ConceptMethod) -> None:
    detector = new_detector(method)
    shown = Observations(values=np.array([1.5]), each=100, mean=0.2, deviation=0.04)
    assert shown.rate(float(shown.shown_to(detector)[0]), detector) == pytest.approx(0.26)


def test_observations__bounded_detector__is_shown_normal_probabilities() -> None:
    shown = Observations(values=np.array([-1.0, 0.0, 2.0]), each=100)
    assert shown.shown_to(new_detector(ConceptMethod.E_PROCESS)) == pytest.approx(
        norm.cdf([-1, 0, 2])
    )
