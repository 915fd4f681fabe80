"""Tests the properties that every detector has."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.concept_drift.ddm import EDDM
from algorithms.concept_drift.detector import CHANGES_AT_ONCE, UnusableObservation
from algorithms.concept_drift.detector_registry import (
    DETECTORS,
    ConceptMethod,
    detector_from_json,
    new_detector,
)
from algorithms.verdicts import Signal
from tests.algorithms.concept_drift.streams import ALL, bernoulli

STREAM = bernoulli(0.1, 0.4, 0.2, 0.6, each=1500)
TWO_SIDED = [ConceptMethod.ADWIN, ConceptMethod.PAGE_HINKLEY, ConceptMethod.E_PROCESS]
BINARY = [ConceptMethod.DDM, ConceptMethod.EDDM]


@pytest.mark.parametrize("method", ALL)
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=6))
@settings(max_examples=15)
def test_detector__stored_and_loaded_at_any_split__goes_on_as_if_unbroken(
    method: Any, cuts: list[int]
) -> None:
    whole = new_detector(method)
    expected = whole.update_many(STREAM)
    parted, drifts, warnings, start = new_detector(method), [], [], 0
    for part in np.split(STREAM, sorted(cuts)):
        parted = detector_from_json(
            method, json.loads(json.dumps(parted.as_json(), allow_nan=False))
        )
        found = parted.update_many(part)
        drifts += (found.drift + start).tolist()
        warnings += (found.warning + start).tolist()
        start += len(part)
    assert (drifts, warnings) == (expected.drift.tolist(), expected.warning.tolist())
    assert parted.as_json() == whole.as_json()


@pytest.mark.parametrize("method", ALL)
def test_update__one_after_the_other__is_update_many(method: ConceptMethod) -> None:
    stream = STREAM[1200:2200]
    whole, single = new_detector(method), new_detector(method)
    found = whole.update_many(stream)
    signals = [single.update(value) for value in stream.tolist()]
    assert [
        place for place, each in enumerate(signals) if each is Signal.DRIFT
    ] == found.drift.tolist()
    assert single.as_json() == whole.as_json()


@pytest.mark.parametrize("method", ALL)
def test_detector__rate_rises__tells_from_what_to_what(method: ConceptMethod) -> None:
    found = new_detector(method).update_many(bernoulli(0.1, 0.6, each=6000))
    change = found.changes[0]
    assert 6000 <= change.position < 7500
    assert 0 < change.length <= change.position
    assert change.before == pytest.approx(0.1, abs=0.05)
    assert change.after > change.before
    assert [each.position for each in found.changes] == found.drift.tolist()


@pytest.mark.parametrize("method", TWO_SIDED)
def test_detector__rate_rises__tells_when(method: ConceptMethod) -> None:
    change = new_detector(method).update_many(bernoulli(0.1, 0.6, each=6000)).changes[0]
    assert change.position - change.length + 1 == pytest.approx(6000, abs=150)
    assert change.after == pytest.approx(0.6, abs=0.25)


@pytest.mark.parametrize("method", TWO_SIDED)
def test_detector__rate_falls__is_seen_too(method: ConceptMethod) -> None:
    change = new_detector(method).update_many(bernoulli(0.3, 0.1, each=6000, seed=1)).changes[0]
    assert change.position >= 6000
    assert change.after < change.before


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e101])
@pytest.mark.parametrize("method", ALL)
def test_detector__not_a_number__is_refused_and_nothing_is_learnt(
    method: ConceptMethod, bad: float
) -> None:
    detector = new_detector(method)
    detector.update_many(STREAM[:100])
    before = detector.as_json()
    with pytest.raises(UnusableObservation, match="observation 2 is"):
        detector.update_many([0.0, 1.0, bad, 1.0])
    assert detector.as_json() == before


@pytest.mark.parametrize("method", BINARY)
def test_detector__fraction_where_bits_are_needed__is_refused(method: ConceptMethod) -> None:
    with pytest.raises(UnusableObservation, match=r"needs 0 or 1; observation 1 is 0\.5"):
        new_detector(method).update_many([0, 0.5])


@pytest.mark.parametrize("bad", [["late"], [[0.0, 1.0]], 1.0, [None]])
def test_detector__no_numbers_in_one_dimension__is_refused(bad: Any) -> None:
    with pytest.raises(UnusableObservation):
        new_detector(ConceptMethod.ADWIN).update_many(bad)


@pytest.mark.parametrize("method", ALL)
def test_detector__nothing__changes_nothing(method: ConceptMethod) -> None:
    detector = new_detector(method)
    before = detector.as_json()
    assert len(detector.update_many([]).drift) == 0
    assert detector.as_json() == before


@pytest.mark.parametrize("method", ALL)
def test_detector__long_stream__stays_small(method: ConceptMethod) -> None:
    detector = new_detector(method)
    detector.update_many(bernoulli(0.1, each=1_000_000))
    assert detector.observations == 1_000_000
    assert len(json.dumps(detector.as_json())) < 8000


def test_detector__more_drifts_than_room__loses_none() -> None:
    stream = np.tile(np.concatenate([np.zeros(40), np.ones(40)]), 2 * CHANGES_AT_ONCE)
    detector = EDDM(warm_start=2, alpha=0.95, beta=0.9)
    found = detector.update_many(stream)
    assert len(found.changes) == len(found.drift) > CHANGES_AT_ONCE
    assert [change.position for change in found.changes] == found.drift.tolist()


@pytest.mark.parametrize(
    ("method", "chosen"),
    [
        ("adwin", {"delta": 0.0}), ("adwin", {"clock": 0}), ("ddm", {"warning_threshold": 4.0}),
        ("ddm", {"warm_start": 0}), ("eddm", {"alpha": 0.1}), ("page_hinkley", {"mode": "sideways"}),
        ("page_hinkley", {"threshold": 0}), ("e_process", {"alpha": 1.0}), ("adwin", {"n": 5}), ("ddm", {"delta": 1}),
    ],
)  # fmt: skip
def test_new_detector__wrong_setting__is_refused(method: str, chosen: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        new_detector(ConceptMethod(method), chosen)


@pytest.mark.parametrize("method", ALL)
def test_new_detector__calibrated_settings__are_settings(method: ConceptMethod) -> None:
    assert set(DETECTORS[method].calibrated) <= set(DETECTORS[method].setting_defaults())
    assert type(new_detector(method)) is DETECTORS[method].detector
