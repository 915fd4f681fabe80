"""Rules that open alerts over the runs of a fleet, and how well their openings fit its incidents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from algorithms.run_evidence import CALIBRATOR
from tests.calibration.fleet_bank import INCIDENT_DAYS, Bools, Floats, Runs

Q = 0.05
NO_INCIDENT = -1


@dataclass(frozen=True, slots=True, eq=False)
class Year:
    """The runs of a fleet, one a tick and monitor.

    Attributes:
        runs: Shape (ticks, monitors).
        level: The opening level: the budget by the runs of a month.
        first_ticks: Shape (incidents, monitors), the first tick of each incident; no incidents have none.
    """

    runs: Runs
    level: float
    first_ticks: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a rule makes of a fleet's year: shape (ticks, monitors) each.

    Attributes:
        opens: An episode may open at this run.
        lasts: An open episode stays open.
    """

    opens: Bools
    lasts: Bools


type Rule = Callable[[Year], Answer]


def by_level(year: Year) -> Answer:
    """Ours: a drifted run opens if it, or the row of drifted runs that it ends, is evidence at the level."""
    drifted = year.runs.drifted
    return Answer(drifted & (combined(year.runs) <= year.level), drifted)


def by_plain_level(year: Year) -> Answer:
    """A drifted run opens if it alone is evidence at the level."""
    drifted = year.runs.drifted
    return Answer(drifted & (year.runs.p_values <= year.level), drifted)


def by_each_drift(year: Year) -> Answer:
    """Each drifted run opens."""
    return Answer(year.runs.drifted, year.runs.drifted)


def by_two_of_three(year: Year) -> Answer:
    """A drifted run opens if one of the two before it drifted."""
    drifted = year.runs.drifted
    before = np.zeros_like(drifted)
    before[1:] |= drifted[:-1]
    before[2:] |= drifted[:-2]
    return Answer(drifted & before, drifted)


def by_flags(year: Year) -> Answer:
    """A run opens that has a flagged feature."""
    return Answer(year.runs.flagged, year.runs.flagged)


def by_day(year: Year) -> Answer:
    """Benjamini–Hochberg over the fleet's day: drifted runs among those that it rejects open."""
    drifted = year.runs.drifted
    p_values = np.where(drifted, year.runs.p_values, 1.0)
    return Answer(drifted & (stats.false_discovery_control(p_values, axis=1) <= Q), drifted)


def combined(runs: Runs) -> Floats:
    """`combined_p_value` of every row of drifted runs, by tick and monitor."""
    found, evidence = np.ones_like(runs.p_values), np.zeros(runs.p_values.shape[1])
    with np.errstate(divide="ignore", over="ignore"):
        bets = CALIBRATOR * runs.p_values ** (CALIBRATOR - 1)
        for tick, drifted in enumerate(runs.drifted):
            evidence = np.where(drifted, (evidence + 1) * bets[tick], 0.0)
            found[tick] = np.minimum(2 * runs.p_values[tick], 2 / evidence)
    return np.minimum(found, 1.0)


RULES: Mapping[str, Rule] = {
    "ours: budget by runs, one run or a row of them": by_level,
    "a plain level: budget by runs, one run": by_plain_level,
    "Benjamini–Hochberg over the tenant's day, q = 5 %": by_day,
    "each run with the verdict drift": by_each_drift,
    "2 of 3 runs with the verdict drift": by_two_of_three,
    "KS or chi-squared of any feature at 5 %": by_flags,
}


@dataclass(frozen=True, slots=True)
class Score:
    """How well openings fit incidents.

    Attributes:
        false: Openings outside every incident.
        found: Incidents with an open episode on one of their days.
        incidents: All of them.
        delay: Ticks from the first of a found incident to its open episode, in all.
    """

    false: int
    found: int
    incidents: int
    delay: int


def score(year: Year, answer: Answer) -> Score:
    """Follow the episodes of a rule through the year."""
    opened, is_open = _episodes(answer)
    inside = _inside(year)
    delays = [delay for firsts in year.first_ticks for delay in _delays(is_open, firsts)]
    found = [delay for delay in delays if delay is not None]
    return Score(int((opened & ~inside).sum()), len(found), len(delays), sum(found))


def _episodes(answer: Answer) -> tuple[Bools, Bools]:
    """Where episodes open, and where one is open."""
    opened, is_open = np.zeros_like(answer.opens), np.zeros_like(answer.opens)
    was_open = np.zeros(answer.opens.shape[1], bool)
    for tick in range(len(opened)):
        stays = was_open & answer.lasts[tick]
        opened[tick] = answer.opens[tick] & ~stays
        was_open = is_open[tick] = stays | answer.opens[tick]
    return opened, is_open


def _inside(year: Year) -> Bools:
    """The runs that belong to an incident."""
    ticks = np.arange(len(year.runs.p_values))[:, None]
    inside = np.zeros(year.runs.p_values.shape, bool)
    for firsts in year.first_ticks:
        inside |= (ticks >= firsts) & (ticks < firsts + INCIDENT_DAYS)
    return inside


def _delays(is_open: Bools, firsts: np.ndarray) -> list[int | None]:
    """The ticks from each incident's first to an open episode; None if it had none."""
    days = np.arange(INCIDENT_DAYS)[:, None]
    seen = is_open[firsts + days, np.arange(len(firsts))]
    return [int(found.argmax()) if found.any() else None for found in seen.T]
