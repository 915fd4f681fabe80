"""Drifts whose evidence is not beyond the budget's level, by the pure fold; counts are worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerts.episodes.folding import (
    IDLE,
    OPENS_AT_ONCE,
    EpisodeState,
    Rules,
    advance,
    runs_to_open,
)
from alerts.episodes.observations import DriftEntry, Evidence, Observation, Place

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FAINT, EVIDENT = Evidence(0.01, 0.0017), Evidence(0.001, 0.0017)


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


def test_advance__faint_drift_that_lasts__opens_by_the_number_in_a_row() -> None:
    # 0.05 ** 3 = 1.25e-4 is the first power at or below a tenth of 0.0017
    days = [drifted(day, FAINT) for day in (1, 2, 3)]
    assert phases(*days) == ["pending", "pending", "open"]


def test_advance__ok_between_faint_drifts__begins_the_row_anew() -> None:
    days = [drifted(1, FAINT), drifted(2, FAINT), ok(3), drifted(4, FAINT), drifted(5, FAINT)]
    assert phases(*days)[-1] == "pending"


def test_advance__faint_drift_of_an_open_episode__keeps_it_open() -> None:
    days = [drifted(1, EVIDENT), ok(2), drifted(3, FAINT), ok(4), ok(5)]
    found = phases(*days, rules=Rules(opening=OPENS_AT_ONCE))
    assert found == ["open", "recovering", "open", "recovering", ""]


@pytest.mark.parametrize(
    ("level", "runs"), [(0.049, 2), (0.0017, 3), (5 / 30_000, 4), (1e-9, 8), (0.0, 237)]
)
def test_runs_to_open__level__is_the_first_power_below_a_tenth(level: float, runs: int) -> None:
    assert runs_to_open(level) == runs
    assert level == 0 or 0.05**runs <= level / 10 < 0.05 ** (runs - 1)


def test_observation__evidence__comes_back_from_json() -> None:
    seen = drifted(1, FAINT)
    kept = Observation.of_json(
        {**seen.as_json(), "evidence": [0.01, 0.0017]},
        run_id="1",
        place=seen.place,
        verdict="drift",
        severity="warning",
    )
    assert kept == seen


def test_state__stored_before_budgets__has_none_in_a_row() -> None:
    stored = replace(IDLE, phase="pending", recent=("warning",)).as_json()
    del stored["in_a_row"]
    assert EpisodeState.of_json(stored).in_a_row == 0
