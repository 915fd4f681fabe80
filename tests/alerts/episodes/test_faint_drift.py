"""Drifts whose evidence is not beyond the budget's level, by the pure fold; counts are worked out by hand."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.episodes.folding import (
    IDLE,
    OPENS_AT_ONCE,
    EpisodeState,
    Rules,
    advance,
)
from alerts.episodes.observations import DriftEntry, Evidence, Observation, Place

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FAINT, EVIDENT = Evidence(0.01, 0.0017), Evidence(0.0005, 0.0017)


def drifted(day: int, evidence: Evidence | None, severity: str = "warning") -> Observation:
    place = Place(START + day * DAY, START + (day - 1) * DAY, "check")
    record = {"method": "ks", "feature": "delay"}
    return Observation(
        run_id=str(day),
        place=place,
        verdict="drift",
        severity=severity,
        entries=(DriftEntry.of_record(record, place.window_end),),
        not_ok=frozenset({"delay"}),
        evidence=evidence,
    )


def ok(day: int) -> Observation:
    place = Place(START + day * DAY, START + (day - 1) * DAY, "check")
    return Observation(run_id=str(day), place=place, verdict="ok")


def phases(*observations: Observation, rules: Rules | None = None) -> list[str]:
    """The phase after each observation."""
    state, found = IDLE, []
    for each in observations:
        state = advance(state, each, rules or Rules())
        found.append(str(state.phase))
    return found


@pytest.mark.parametrize(
    ("evidence", "phase"), [(FAINT, "pending"), (EVIDENT, "open"), (None, "open")]
)
def test_advance__critical_drift__opens_only_beyond_the_level(
    evidence: Evidence | None, phase: str
) -> None:
    assert phases(drifted(1, evidence, "critical")) == [phase]


def test_advance__faint_drift_of_two_of_three__does_not_count() -> None:
    days = [drifted(1, EVIDENT), drifted(2, FAINT), drifted(3, EVIDENT)]
    assert phases(*days) == ["pending", "pending", "open"]


def test_advance__faint_drift_then_ok__fades() -> None:
    assert phases(drifted(1, FAINT), ok(2)) == ["pending", ""]


def test_advance__faint_drift_that_lasts__counts_by_its_row() -> None:
    # an e-value of 0.2 * 0.01 ** -0.8 = 7.96 each makes 7.96, 71, 575, 4587 in a row; 2 / 0.0017 = 1176
    days = [drifted(day, FAINT, "critical") for day in (1, 2, 3, 4)]
    assert phases(*days) == ["pending", "pending", "pending", "open"]


def test_advance__windows_that_overlap__are_one_in_the_row() -> None:
    """The same as before, in windows of a week: the fourth that does not overlap ends on day 28."""
    weekly = [longer(drifted(day, FAINT, "critical"), 7) for day in range(7, 29)]
    assert phases(*weekly) == ["pending"] * 21 + ["open"]


def longer(observation: Observation, days: int) -> Observation:
    """The observation of a window of so many days, with the same end."""
    end = observation.place.window_end
    place = observation.place._replace(window_start=end - days * DAY)
    return replace(observation, place=place)


def test_advance__row_that_counts__still_takes_two_of_three() -> None:
    days = [drifted(day, FAINT) for day in (1, 2, 3, 4, 5)]
    assert phases(*days)[-2:] == ["pending", "open"]


def test_advance__many_drifts_of_no_evidence__stay_pending() -> None:
    days = [drifted(day, Evidence(0.5, 0.0017)) for day in range(1, 200)]
    assert set(phases(*days)) == {"pending"}


def test_advance__ok_between_faint_drifts__begins_the_row_anew() -> None:
    faint = [drifted(day, FAINT, "critical") for day in (1, 2, 3, 5, 6, 7)]
    assert phases(*faint[:3], ok(4), *faint[3:])[-1] == "pending"


def test_advance__faint_drift_of_an_open_episode__keeps_it_open() -> None:
    days = [drifted(1, EVIDENT), ok(2), drifted(3, FAINT), ok(4), ok(5)]
    found = phases(*days, rules=Rules(opening=OPENS_AT_ONCE))
    assert found == ["open", "recovering", "open", "recovering", ""]


def test_observation__evidence__comes_back_from_json() -> None:
    seen = drifted(1, FAINT)
    kept = Observation.of_json(
        json.loads(json.dumps(seen.as_json())),
        run_id="1",
        place=seen.place,
        verdict="drift",
        severity="warning",
    )
    assert kept == seen


def test_state__stored_before_budgets__has_no_row() -> None:
    stored = replace(IDLE, phase="pending", recent=("warning",)).as_json()
    del stored["p_values"], stored["row_end"]
    restored = EpisodeState.of_json(stored)
    assert (restored.p_values, restored.row_end) == ((), None)
