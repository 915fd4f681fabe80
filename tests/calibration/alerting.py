"""The alerts of a simulated year, next to what naive rules would have sent."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import django
import pyarrow as pa

from algorithms.baseline import Baseline, FeatureKind, guess_kind
from algorithms.evaluation import evaluate
from algorithms.plan import EvaluationPlan
from tests.calibration.notices import Fit, Notice, evidently_flags_day, fit, naive_flags
from tests.calibration.year import (
    FAULTS,
    MONITORS,
    Day,
    PlannedIncident,
    days_of,
    plan_incidents,
    reference_of,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drift_detector.settings")
django.setup()

from alerts.episodes.folding import AT_ONCE, IDLE, EpisodeState, Rules, advance  # noqa: E402
from alerts.episodes.observations import Observation  # noqa: E402
from alerts.episodes.phases import Phase  # noqa: E402
from alerts.episodes.run_answers import Kind, MethodAnswer, observe  # noqa: E402
from algorithms.verdicts import Severity, Verdict, combine_verdicts, rank  # noqa: E402
from detections.models import DetectionRun  # noqa: E402
from monitors.models import Monitor  # noqa: E402

PEER_MONITORS = 4
"""Evidently takes longer, so it sees the first monitors alone."""
YEAR_START = datetime(2025, 1, 1, tzinfo=UTC)
OPEN_PHASES = (Phase.OPEN, Phase.RECOVERING)
FIRST_RUN_OPENS = Rules(opening={Severity.WARNING: AT_ONCE, Severity.CRITICAL: AT_ONCE})
RULES = {
    "ours: 2 of 3 runs for a warning, 1 for critical": Rules(),
    "ours, opened by the first drifted run": FIRST_RUN_OPENS,
}


def year_rows() -> Iterator[list[str]]:
    """Each rule over the whole year: notifications, incidents found, delay and false alerts."""
    incidents = plan_incidents()
    ours = {name: _of_fleet(rules) for name, rules in RULES.items()}
    for name, notices in ours.items():
        yield _row(name, fit(notices, incidents, MONITORS), MONITORS)
    for name, notices in _naive(incidents).items():
        yield _row(name, fit(notices, incidents, MONITORS), MONITORS)
    yield from _evidently_rows(incidents)


def _naive(incidents: Sequence[PlannedIncident]) -> dict[str, list[Notice]]:
    """A notice for each flagged run, and for each flagged feature."""
    runs: list[Notice] = []
    features: list[Notice] = []
    for monitor in range(MONITORS):
        for day in days_of(monitor, incidents):
            flagged = [Notice(monitor, day.day)] * naive_flags(_reference(monitor), day)
            runs += flagged[:1]
            features += flagged
    return {"KS and chi-squared at 5 %, by run": runs, "the same, by feature": features}


def _evidently_rows(incidents: Sequence[PlannedIncident]) -> Iterator[list[str]]:
    flagged = [
        (day, evidently_flags_day(_reference(monitor), day))
        for monitor in range(PEER_MONITORS)
        for day in days_of(monitor, incidents)
    ]
    half = len(_reference(0).column_names) / 2
    for name, least in (("any column", 1.0), ("its dataset verdict", half)):
        notices = [Notice(day.monitor, day.day) for day, count in flagged if count >= least]
        fitted = fit(notices, incidents, PEER_MONITORS)
        yield _row(f"Evidently's default, {name}, each run", fitted, PEER_MONITORS)


def fault_rows() -> Iterator[list[str]]:
    """The incidents that the default rule finds, by kind."""
    incidents = plan_incidents()
    notices = _of_fleet(Rules())
    for fault in FAULTS:
        own = [each for each in incidents if each.fault == fault]
        fitted = fit(notices, own, MONITORS)
        yield [fault, str(len(own)), f"{fitted.found:.0%}", f"{fitted.delay:.1f} d"]


def _row(name: str, fitted: Fit, monitors: int) -> list[str]:
    return [
        name,
        str(monitors),
        f"{fitted.notices:,}",
        f"{fitted.found:.0%}",
        f"{fitted.delay:.1f} d",
        f"{fitted.false_notices:.2f}",
    ]


@cache
def _reference(monitor: int) -> pa.Table:
    return reference_of(monitor)


def _of_fleet(rules: Rules) -> list[Notice]:
    notices: list[Notice] = []
    for monitor in range(MONITORS):
        teller = Teller(monitor, rules)
        for observed in observations_of(monitor):
            teller.see(*observed)
        notices += teller.notices
    return notices


class Teller:
    """Sends the notices of one monitor, by the service's own fold."""

    def __init__(self, monitor: int, rules: Rules) -> None:
        """Begin without an episode."""
        self.notices: list[Notice] = []
        self._monitor, self._rules = monitor, rules
        self._state: EpisodeState = IDLE
        self._announced = 0
        self._is_unhealthy = False

    def see(self, day: int, observation: Observation | None) -> None:
        """Take the observation of a day; None is a day without data."""
        if observation is None:
            self._tell(day, is_told=not self._is_unhealthy)
            self._is_unhealthy = True
            return
        self._tell(day, is_told=self._is_unhealthy, is_end=True)
        self._is_unhealthy = False
        self._move(day, advance(self._state, observation, self._rules))

    def _move(self, day: int, after: EpisodeState) -> None:
        was_open, is_open = (each.phase in OPEN_PHASES for each in (self._state, after))
        is_worse = is_open and rank(after.severity) > self._announced
        self._tell(day, is_told=is_worse)
        self._tell(day, is_told=was_open and not is_open, is_end=True)
        self._announced = max(self._announced, rank(after.severity)) if is_open else 0
        self._state = after

    def _tell(self, day: int, *, is_told: bool, is_end: bool = False) -> None:
        if is_told:
            self.notices.append(Notice(self._monitor, day, is_end))


@cache
def observations_of(monitor: int) -> list[tuple[int, Observation | None]]:
    """The year of a monitor as the default methods see it, day by day."""
    reference = _reference(monitor)
    kinds = {
        each.name: guess_kind(each.type) or FeatureKind.CATEGORICAL for each in reference.schema
    }
    baseline = Baseline.fit(reference, kinds)
    return [(day.day, _observation(baseline, day)) for day in days_of(monitor, plan_incidents())]


def _observation(baseline: Baseline, day: Day) -> Observation | None:
    if not day.table.num_rows:
        return None
    results = evaluate(baseline, day.table, EvaluationPlan(), threads=1)
    verdict = combine_verdicts(result.verdict for result in results if result.is_judgeable)
    run = _run(day, verdict)
    return observe(run, Kind.STATISTICAL, [MethodAnswer.of_result(each) for each in results])


def _run(day: Day, verdict: Verdict) -> DetectionRun:
    """The run of a day, which no database has."""
    start = YEAR_START + timedelta(days=day.day)
    return DetectionRun(
        monitor=Monitor(),
        trigger=DetectionRun.Trigger.SCHEDULE,
        verdict=verdict,
        window_start=start,
        window_end=start + timedelta(days=1),
    )
