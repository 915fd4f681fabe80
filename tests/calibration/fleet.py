"""The false-alarm contract of a fleet: what is promised, and what simulated tenants get."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import special

from algorithms.evaluation import evaluate
from algorithms.run_evidence import run_p_value
from tests.calibration.draws import Random
from tests.calibration.fleet_bank import (
    INCIDENT_DAYS,
    Bank,
    Checker,
    Floats,
    Runs,
    flights_of_days,
    flights_of_weeks,
    made_up_bank,
    made_up_windows,
    peer_bank,
)
from tests.calibration.fleet_rules import RULES, Rule, Score, Year, by_flags, by_level, score

TENANTS, MONITORS = 100, 1_000
DAYS, MONTH = 365, 30.4
BUDGET = 5.0
"""False alerts in a month, of a tenant with so many monitors."""
KEPT_AIM, RECALL_AIM, DELAY_AIM = 95, 0.99, 0.7
FIRST_DAY, LAST_DAY, SPACE = 20, 320, 60
"""Incidents begin between the first two, and two of a monitor so many days apart."""
PEER_MONITORS, PEER_QUIET_RUNS = 10, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A kind of tenants.

    Attributes:
        bank: The runs of their monitors.
        ticks: Runs of a monitor in a year.
        correlation: Of one run's evidence with the next one's, by a Gaussian copula.
        has_incidents: Whether each monitor has its incidents in the year.
    """

    bank: Bank
    ticks: int = DAYS
    correlation: float = 0.0
    has_incidents: bool = False

    @property
    def level(self) -> float:
        """The budget by the runs of a month."""
        return BUDGET / (MONITORS * self.ticks / DAYS * MONTH)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the tenants of a fleet got by a rule; false alerts are a year's mean of a month.

    Attributes:
        false: Shape (tenants,).
        recall: Of all incidents; NaN without any.
        delay: Mean days to the alert, of the incidents found.
        precision: Of all alerts, those in an incident; one a found incident.
    """

    false: Floats
    recall: float
    delay: float
    precision: float

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Self:
        false, found, incidents, delay = (
            np.array([getattr(each, name) for each in scores])
            for name in ("false", "found", "incidents", "delay")
        )
        some = max(1, int(found.sum()))
        return cls(
            false=false / (DAYS / MONTH),
            recall=float(found.sum() / incidents.sum()) if incidents.sum() else float("nan"),
            delay=float(delay.sum() / some),
            precision=float(found.sum() / max(1, int(found.sum() + false.sum()))),
        )

    @property
    def kept(self) -> int:
        """The tenants that had no more false alerts than promised."""
        return int((self.false <= BUDGET).sum())


def simulate(fleet: Fleet, rules: Sequence[Rule], seed: int = 31) -> list[Outcome]:
    """The outcome of each rule over the same tenants."""
    scores: list[list[Score]] = [[] for _ in rules]
    for tenant in range(TENANTS):
        year = _year(fleet, np.random.default_rng([seed, tenant]))
        for found, rule in zip(scores, rules, strict=True):
            found.append(score(year, rule(year)))
    return [Outcome.of(each) for each in scores]


def _year(fleet: Fleet, random: Random) -> Year:
    """A tenant's year: monitors by random from the bank, and for each tick one of the monitor's runs."""
    quiet = fleet.bank.quiet
    monitors, runs = quiet.p_values.shape
    chosen = random.integers(monitors, size=MONITORS)
    ranks = special.ndtr(_autoregression(fleet, random))
    picked = (ranks * runs).astype(int).clip(max=runs - 1)
    drawn = Runs(*(each[chosen, picked] for each in quiet.fields()))
    firsts = np.empty((0, MONITORS), int)
    if fleet.has_incidents and fleet.bank.incidents is not None:
        firsts = _first_days(random)
        drawn = _with_incidents(drawn, fleet.bank.incidents, chosen, firsts)
    return Year(drawn, fleet.level, firsts)


def _autoregression(fleet: Fleet, random: Random) -> Floats:
    """Standard normal numbers, shape (ticks, monitors), each correlated with the one before it."""
    values = random.normal(size=(fleet.ticks, MONITORS))
    fresh = (1 - fleet.correlation**2) ** 0.5
    for tick in range(1, fleet.ticks):
        values[tick] = fleet.correlation * values[tick - 1] + fresh * values[tick]
    return values


def _first_days(random: Random) -> np.ndarray:
    """The first days of two incidents of each monitor."""
    first = random.integers(FIRST_DAY, LAST_DAY // 2, size=MONITORS)
    return np.stack([first, random.integers(first + SPACE, LAST_DAY)])


def _with_incidents(drawn: Runs, incidents: Runs, chosen: np.ndarray, firsts: np.ndarray) -> Runs:
    """The runs, those of the incidents' days replaced."""
    columns = np.arange(MONITORS)
    for number, first in enumerate(firsts):
        for day in range(INCIDENT_DAYS):
            for mine, theirs in zip(drawn.fields(), incidents.fields(), strict=True):
                mine[first + day, columns] = theirs[chosen, number, day]
    return drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Banks:
    """The banks that fleets are drawn from."""

    made_up: Bank
    weeks: Bank
    days: Bank
    peer: Bank

    @classmethod
    def make(cls) -> Self:
        """Evaluate all runs; on one core it takes about a quarter of an hour."""
        return cls(
            made_up=made_up_bank(),
            weeks=flights_of_weeks(),
            days=flights_of_days(),
            peer=peer_bank(PEER_MONITORS, PEER_QUIET_RUNS),
        )

    def quiet_fleets(self) -> dict[str, Fleet]:
        """Fleets in which nothing drifts, by name."""
        return {
            "made up, independent": Fleet(bank=self.made_up),
            "made up, AR(0.5)": Fleet(bank=self.made_up, correlation=0.5),
            "made up, AR(0.8)": Fleet(bank=self.made_up, correlation=0.8),
            "flights, random weeks": Fleet(bank=self.weeks, ticks=52),
            "flights, random days": Fleet(bank=self.days),
        }


def contract_rows(banks: Banks) -> Iterator[list[str]]:
    """Promised and kept, by fleet without incidents."""
    for name, fleet in banks.quiet_fleets().items():
        (ours,) = simulate(fleet, [by_level])
        yield [
            name,
            f"{fleet.level:.2g}",
            f"{BUDGET:g}",
            f"{ours.false.mean():.2f}",
            f"{ours.false.max():.2f}",
            f"{ours.kept} of {TENANTS}",
            _met(ours.kept >= KEPT_AIM),
        ]


def rule_rows(banks: Banks) -> Iterator[list[str]]:
    """Each rule over the same tenants, with incidents."""
    fleet = Fleet(bank=banks.made_up, has_incidents=True)
    for name, outcome in zip(RULES, simulate(fleet, list(RULES.values())), strict=True):
        yield [name, *_figures(outcome)]
    peer = Fleet(bank=banks.peer, has_incidents=True)
    (theirs,) = simulate(peer, [by_flags])
    yield ["Evidently's default, any column", *_figures(theirs)]


def aim_rows(banks: Banks) -> Iterator[list[str]]:
    """Each aim beside what was measured."""
    fleet = Fleet(bank=banks.made_up, has_incidents=True)
    (ours,) = simulate(fleet, [by_level])
    yield _aim(f"tenants that kept {BUDGET:g} a month", KEPT_AIM, ours.kept, ours.kept >= KEPT_AIM)
    yield _aim("recall", RECALL_AIM, f"{ours.recall:.4f}", ours.recall >= RECALL_AIM)
    yield _aim("mean delay, days", DELAY_AIM, f"{ours.delay:.2f}", ours.delay <= DELAY_AIM)
    cost = evidence_seconds() * 1000
    yield _aim("evidence at a run's end, ms", 1, f"{cost:.2f}", cost <= 1)


def _aim(name: str, wanted: float, measured: object, is_met: bool) -> list[str]:
    return [name, f"{wanted:g}", str(measured), _met(is_met)]


def _met(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


def _figures(outcome: Outcome) -> list[str]:
    return [
        f"{outcome.false.mean():,.2f}",
        f"{outcome.kept} of {TENANTS}",
        f"{outcome.recall:.2%}",
        f"{outcome.delay:.2f} d",
        f"{outcome.precision:.3f}",
    ]


def evidence_seconds(rounds: int = 200) -> float:
    """The processor time of `run_p_value`, of one run of a made-up monitor."""
    windows = made_up_windows(1)
    checker = Checker.of(windows.reference)
    results = evaluate(checker.baseline, windows.quiet[0], checker.plan, threads=1)
    start = time.process_time()
    for _ in range(rounds):
        run_p_value(results, checker.plan)
    return (time.process_time() - start) / rounds
