"""The budget of false alarms that the calibrated settings keep; `make calibration` looks closer."""

import pytest
from scipy.stats import poisson

from algorithms.concept_drift.detector_registry import ALARM_BUDGET, ConceptMethod, new_detector
from tests.algorithms.concept_drift.streams import ALL, bernoulli

LENGTH = 500_000


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.4])
@pytest.mark.parametrize("method", ALL)
def test_new_detector__stationary_errors__alarms_within_the_budget(
    method: ConceptMethod, rate: float
) -> None:
    alarms = (
        new_detector(method).update_many(bernoulli(rate, each=LENGTH, seed=int(1000 * rate))).drift
    )
    assert len(alarms) <= poisson.ppf(0.999, ALARM_BUDGET * LENGTH / 10_000)


@pytest.mark.parametrize("method", [each for each in ALL if each is not ConceptMethod.EDDM])
def test_new_detector__rate_doubles__alarms_within_5_000(method: ConceptMethod) -> None:
    drifts = new_detector(method).update_many(bernoulli(0.1, 0.2, each=5000, seed=2)).drift
    assert len(drifts[drifts >= 5000]) > 0


def test_ddm__first_error_of_a_good_model__is_no_drift() -> None:
    found = new_detector(ConceptMethod.DDM).update_many([0.0] * 2500 + [1.0] + [0.0] * 500)
    assert len(found.drift) == 0
