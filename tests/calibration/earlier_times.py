"""A year of daily windows, judged by the baseline and by references in time: false alerts, and incidents found."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import django
import numpy as np
import pyarrow as pa

from algorithms.baseline import Baseline, FeatureKind
from algorithms.calibration import Check, calibrate, calibrate_checks, counted_baseline
from algorithms.evaluation import evaluate_profile
from algorithms.method_results import MethodResult, Reference
from algorithms.plan import EvaluationPlan, UsualInTime
from algorithms.profiles import Profile
from algorithms.verdicts import Verdict, combine_verdicts

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drift_detector.settings")
django.setup()

from alerts.episodes.folding import IDLE, Rules, advance  # noqa: E402
from alerts.episodes.phases import Phase  # noqa: E402
from alerts.episodes.run_answers import Kind, MethodAnswer, observe  # noqa: E402
from detections.models import DetectionRun  # noqa: E402
from monitors.baselines.reference_cards import MOST_CHECKS, spread  # noqa: E402
from monitors.models import Monitor  # noqa: E402
from monitors.time_references.calendar_time import Span  # noqa: E402
from monitors.time_references.holiday_days import is_holiday  # noqa: E402
from monitors.time_references.time_references import list_time_references  # noqa: E402

DAY = timedelta(days=1)
FIRST, REFERENCE, YEAR, END = (date(year, 1, 1) for year in (2022, 2023, 2024, 2025))
DAY_ROWS, REFERENCE_ROWS = 1_000, 50_000
INCIDENT_DAYS, INCIDENT_SHIFT = 3, 0.5
INCIDENTS = [date(2024, month, 12) for month in range(1, 13)]
KINDS = {"x": FeatureKind.NUMERIC, "y": FeatureKind.NUMERIC, "c": FeatureKind.CATEGORICAL}
DECIDED = (Verdict.OK, Verdict.DRIFT)

type Shift = Callable[[date], float]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of the calendar, and the fields of the monitor that know it.

    Attributes:
        shift: The mean of `x` on a day, in standard deviations.
        fields: Of the monitor.
    """

    name: str
    shift: Shift
    fields: Mapping[str, Any]


def _entry(kind: str, **settings: Any) -> dict[str, Any]:
    return {"references_in_time": [{"kind": kind, **settings}]}


TRAILING = _entry("trailing", length="P28D", offset="PT0S")
REFERENCES: Mapping[str, Mapping[str, Any]] = {
    "4 weeks before": {"seasonal_weeks": 4},
    "trailing, 28 days": TRAILING,
    "window before": _entry("previous"),
    "day of 6 months before": _entry("day_of_month", months=6),
    "month of the year before": _entry("month_of_year", years=1),
    "trailing, and holidays of US": TRAILING | {"holidays": "US"},
}
WEEKS, MONTHS = REFERENCES["4 weeks before"], REFERENCES["day of 6 months before"]
MONTH, HOLIDAYS = REFERENCES["month of the year before"], REFERENCES["trailing, and holidays of US"]
PATTERNS = [
    *(Pattern("none", lambda day: 0.0, fields) for fields in REFERENCES.values()),
    Pattern("Sundays differ by 1 σ", lambda day: 1.0 * (day.weekday() == 6), WEEKS),
    Pattern("a trend of 1 σ a year", lambda day: (day - FIRST).days / 365, TRAILING),
    Pattern("the first of a month differs by 5 σ", lambda day: 5.0 * (day.day == 1), MONTHS),
    Pattern("December differs by 1 σ", lambda day: 1.0 * (day.month == 12), MONTH),
    Pattern("holidays differ by 3 σ", lambda day: 3.0 * is_holiday("US", day), HOLIDAYS),
]


def reference_rows(years: int) -> Iterator[list[str]]:
    """Each pattern: alerts of a year without an incident, and incidents found, in the mean of some years."""
    for pattern in PATTERNS:
        found = [_Year(pattern, seed) for seed in range(years)]
        yield [
            pattern.name,
            _name_of(pattern.fields),
            f"{np.mean([len(each.alerts(each.quiet, by_time=False)) for each in found]):.1f}",
            f"{np.mean([len(each.alerts(each.quiet, by_time=True)) for each in found]):.1f}",
            f"{np.mean([each.found(by_time=False) for each in found]):.0%}",
            f"{np.mean([each.found(by_time=True) for each in found]):.0%}",
            str(years),
        ]


def _name_of(fields: Mapping[str, Any]) -> str:
    return next(name for name, each in REFERENCES.items() if each == fields)


@dataclass
class _Year:
    """Three years of days of one pattern: of history, of the reference, and the one that is judged."""

    pattern: Pattern
    seed: int
    profiles: dict[date, Profile] = field(default_factory=dict)
    results: dict[tuple[int, bool], list[MethodResult]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        days = [REFERENCE + number * DAY for number in range((YEAR - REFERENCE).days)]
        sample = pa.concat_tables([self._rows(day, REFERENCE_ROWS // len(days)) for day in days])
        self.baseline = Baseline.fit(sample, KINDS)
        for number in range((END - FIRST).days):
            day = FIRST + number * DAY
            self.profiles[day] = self._profile(self._rows(day, DAY_ROWS))
        self.monitor = Monitor(timezone="UTC", **self.pattern.fields)

    def _rows(self, day: date, rows: int, shift: float = 0.0) -> pa.Table:
        return pa.table(
            {
                "x": self.random.normal(self.pattern.shift(day) + shift, 1, rows),
                "y": self.random.normal(0, 1, rows),
                "c": self.random.choice(["a", "b", "c"], rows, p=[0.5, 0.3, 0.2]),
            }
        )

    def _profile(self, table: pa.Table) -> Profile:
        return self.baseline.profile(table.to_batches())

    @cached_property
    def quiet(self) -> dict[date, Profile]:
        """The days that are judged, without an incident."""
        return {day: profile for day, profile in self.profiles.items() if day >= YEAR}

    @cached_property
    def struck(self) -> dict[date, Profile]:
        """The same with incidents in `y`; history is what it was."""
        days = [first + number * DAY for first in INCIDENTS for number in range(INCIDENT_DAYS)]
        return self.quiet | {day: self._profile(self._struck(day)) for day in days}

    def _struck(self, day: date) -> pa.Table:
        table = self._rows(day, DAY_ROWS)
        moved = self.random.normal(INCIDENT_SHIFT, 1, DAY_ROWS)
        return table.set_column(1, "y", pa.array(moved))

    @cached_property
    def plan(self) -> EvaluationPlan:
        """The plan with what windows of the reference say, as a power card would have it."""
        days = spread([day for day in self.profiles if REFERENCE <= day < YEAR], MOST_CHECKS)
        plan = EvaluationPlan()
        card = calibrate(self.baseline, (self.profiles[day] for day in days), plan)
        checks: dict[Reference, list[Check]] = {}
        for day in days:
            for reference, check in self._checks(day, self.profiles[day]):
                checks.setdefault(reference, []).append(check)
        in_time = {each: calibrate_checks(found, plan) for each, found in checks.items()}
        return replace(
            plan,
            usual_effects=card.usual_effects,
            nulls=card.nulls,
            in_time={
                each: UsualInTime(effects=found.usual_effects, nulls=found.nulls)
                for each, found in in_time.items()
            },
        )

    def _checks(self, day: date, window: Profile) -> Iterator[tuple[Reference, Check]]:
        for each in list_time_references(self.monitor, _span_of(day)):
            days = [earlier for span in each.spans for earlier in _days(span)]
            found = [self.profiles[earlier] for earlier in days if earlier in self.profiles]
            if found:
                reference = counted_baseline(self.baseline, Profile.merge(found))
                rows = tuple(profile.rows for profile in found)
                yield each.reference, Check(reference=reference, window=window, usual_rows=rows)

    def alerts(self, days: Mapping[date, Profile], *, by_time: bool) -> list[date]:
        """The days on which an alert opens, by the service's own fold."""
        opened, state = [], IDLE
        for day, profile in sorted(days.items(), key=lambda pair: pair[0]):
            results = self._judged(day, profile, by_time=by_time)
            before, observation = (
                state,
                observe(
                    _run(day, results),
                    Kind.STATISTICAL,
                    [MethodAnswer.of_result(r) for r in results],
                ),
            )
            if observation is not None:
                state = advance(state, observation, Rules())
            if state.phase == Phase.OPEN and before.phase not in (Phase.OPEN, Phase.RECOVERING):
                opened.append(day)
        return opened

    def _judged(self, day: date, profile: Profile, *, by_time: bool) -> list[MethodResult]:
        """The results that count, computed once."""
        key = (id(profile), by_time)
        if key not in self.results:
            self.results[key] = (
                self._judged_in_time(day, profile)
                if by_time
                else evaluate_profile(self.baseline, profile, self.plan)
            )
        return self.results[key]

    def _judged_in_time(self, day: date, profile: Profile) -> list[MethodResult]:
        """The results of the references in time as far as they judge, else of the baseline."""
        found: list[MethodResult] = []
        for reference, check in self._checks(day, profile):
            plan = self.plan.for_time(reference, check.usual_rows, names_faults=False)
            found += evaluate_profile(check.reference, profile, plan)
        decided = {each.method for each in found if _decides(each)}
        own = self._judged(day, profile, by_time=False)
        return [*(each for each in own if each.method not in decided), *found]

    def found(self, *, by_time: bool) -> float:
        """The share of incidents in which an alert is opened or goes on."""
        opened = self.alerts(self.struck, by_time=by_time)
        hits = [
            any(first <= day < first + INCIDENT_DAYS * DAY for day in opened) for first in INCIDENTS
        ]
        return float(np.mean(hits))


def _decides(result: MethodResult) -> bool:
    return any(detail.verdict in DECIDED for detail in result.details)


def _run(day: date, results: Sequence[MethodResult]) -> DetectionRun:
    """The run of a day, which no database has."""
    start, end = _span_of(day)
    return DetectionRun(
        monitor=Monitor(),
        trigger=DetectionRun.Trigger.SCHEDULE,
        verdict=combine_verdicts(each.verdict for each in results if each.is_judgeable),
        window_start=start,
        window_end=end,
    )


def _span_of(day: date) -> Span:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + DAY


def _days(span: Span) -> Iterator[date]:
    """The days of a span, which begins and ends at midnight."""
    day = span[0].date()
    while day < span[1].date():
        yield day
        day += DAY
