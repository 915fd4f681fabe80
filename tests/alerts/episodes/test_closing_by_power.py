"""Ok runs that could hardly see a drift do not end its alert; shares are worked out by hand."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.episodes.folding import IDLE, OPENS_AT_ONCE, EpisodeState, Rules, advance
from alerts.episodes.observations import DriftEntry, Evidence, Observation, Place
from algorithms.methods import Method
from algorithms.power import Sight
from detections.slice_words import in_words

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
EVIDENT = Evidence(1e-6, 0.0017)
RULES = Rules(opening=OPENS_AT_ONCE, resolve_after=2)
# A gap of 0.1 at the level 0.01 in a million rows of reference: sqrt(ln(200) / 2 / m) is 0.1 for m = 265.
HALF = Sight(method=Method.KS, n=10**9, m=265, level=0.01)
FULL = replace(HALF, m=20_000)
BLIND = replace(HALF, m=30)


def drifted(day: int, evidence: Evidence | None = EVIDENT, **record: Any) -> Observation:
    place = Place(START + day * DAY, START + (day - 1) * DAY, "check")
    entry = {"method": "ks", "feature": "delay", "effect_size": 0.1} | record
    return Observation(
        run_id=str(day),
        place=place,
        verdict="drift",
        severity="warning",
        entries=(DriftEntry.of_record(entry, place.window_end),),
        not_ok=frozenset({"delay"}),
        evidence=evidence,
    )


def ok(day: int, **sights: Sight) -> Observation:
    place = Place(START + day * DAY, START + (day - 1) * DAY, "check")
    return Observation(run_id=str(day), place=place, verdict="ok", sights=sights)


def oks_to_the_end(first: Observation, sight: Sight, most: int = 100) -> int | None:
    """How many ok runs with the sight end the alert of a drifted run; None if so many do not."""
    state = advance(IDLE, first, RULES)
    for day in range(2, most + 2):
        state = advance(state, ok(day, delay=sight), RULES)
        if state.is_idle:
            return day - 1
    return None


@pytest.mark.parametrize(
    ("sight", "runs"),
    [(FULL, 2), (HALF, 7), (BLIND, None)],
    ids=["sees it", "sees it every second time", "blind"],
)
def test_advance__ok_runs__count_by_their_power(sight: Sight, runs: int | None) -> None:
    # log(1 - 0.5) / log(0.1) = 0.30: seven of them are 2.1
    assert oks_to_the_end(drifted(1), sight) == runs


def test_advance__no_level_was_held_against_the_drift__every_ok_run_counts() -> None:
    assert oks_to_the_end(drifted(1, evidence=None), BLIND) == 2


@pytest.mark.parametrize("record", [{"method": "psi"}, {"feature": "distance"}])
def test_advance__power_is_not_known__every_ok_run_counts(record: dict[str, Any]) -> None:
    assert oks_to_the_end(drifted(1, **record), BLIND) == 2


def test_advance__slice__takes_the_power_of_its_rows() -> None:
    state = advance(IDLE, drifted(1, slice="United"), RULES)
    whole = ok(2, delay=FULL, **{in_words("ks", "United"): BLIND})
    assert (
        advance(advance(state, whole, RULES), replace(whole, run_id="3"), RULES).phase
        == "recovering"
    )


def test_state_and_observation__come_back_from_json() -> None:
    state = advance(advance(IDLE, drifted(1), RULES), ok(2, delay=HALF), RULES)
    assert EpisodeState.of_json(json.loads(json.dumps(state.as_json()))) == state
    seen = ok(2, delay=HALF)
    stored = json.loads(json.dumps(seen.as_json()))
    kept = Observation.of_json(stored, run_id="2", place=seen.place, verdict="ok", severity="")
    assert kept == seen
