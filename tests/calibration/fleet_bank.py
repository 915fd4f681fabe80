"""Banks of real runs, evaluated by the service's own engine, from which fleets of monitors are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from algorithms.baseline import Baseline, FeatureKind, guess_kind
from algorithms.calibration import calibrate
from algorithms.evaluation import evaluate
from algorithms.method_results import MethodResult
from algorithms.methods import Method
from algorithms.plan import EvaluationPlan
from algorithms.run_evidence import run_p_value
from drift_detector.demo.flights import TIMESTAMP, YEAR_START, label_flights, read_flights
from drift_detector.demo.model import FEATURES
from tests.calibration.draws import DISTRIBUTIONS, Random
from tests.calibration.incidents import INCIDENTS, Incident
from tests.calibration.notices import evidently_flags_day
from tests.calibration.year import Day

MONITORS, QUIET_RUNS = 200, 100
"""Together 20,000 runs without drift."""
COLUMNS = 5
SHAPES = ((7, 500), (28, 500), (28, 1_000), (42, 300))
"""Windows of a reference and rows of a window: one, four and six weeks of days."""
INCIDENT_DAYS, INCIDENTS_PER_MONITOR = 7, 2
REAL_MONITORS, REAL_RUNS = 30, 40
REFERENCE_WEEKS, REFERENCE_DAYS = 12, 56
LEVEL = 0.05
SPANS = {"D": np.timedelta64(1, "D"), "W": np.timedelta64(7, "D")}
WHOLE = {"D": 365, "W": 52}
"""The whole days and weeks of a year."""
TESTS = (Method.KS, Method.CHI_SQUARED)

type Table = pa.Table
type Bools = npt.NDArray[np.bool_]
type Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Runs of monitors, all of one shape: by monitor, and by incident if they are of incidents.

    Attributes:
        p_values: Of the run as a whole.
        drifted: True if the verdict is drift.
        flagged: True if KS or chi-squared of any feature is at or below 5 %.
    """

    p_values: Floats
    drifted: Bools
    flagged: Bools

    @classmethod
    def stack(cls, found: Sequence[Self]) -> Self:
        """Runs side by side, along a new first axis."""
        return cls(*map(np.stack, zip(*(each.fields() for each in found), strict=True)))

    def by_evidence(self) -> Self:
        """The runs of each monitor, those with the most evidence for an alert first."""
        order = np.lexsort((self.p_values, ~self.drifted), axis=-1)
        rows = np.arange(len(order))[:, None]
        return type(self)(
            self.p_values[rows, order], self.drifted[rows, order], self.flagged[rows, order]
        )

    def fields(self) -> tuple[Floats, Bools, Bools]:
        """The arrays, in their order."""
        return self.p_values, self.drifted, self.flagged


@dataclass(frozen=True, slots=True, eq=False)
class Checker:
    """A monitor's frozen reference, with the plan that its own windows led to."""

    baseline: Baseline
    plan: EvaluationPlan

    @classmethod
    def of(cls, blocks: Sequence[Table]) -> Self:
        """A monitor whose reference is these windows in turn; its power card is made as the service does."""
        whole = pa.concat_tables(blocks)
        kinds = {
            each.name: guess_kind(each.type) or FeatureKind.CATEGORICAL for each in whole.schema
        }
        baseline = Baseline.fit(whole, kinds)
        profiles = (baseline.profile(block.to_batches()) for block in blocks)
        card = calibrate(baseline, profiles, EvaluationPlan())
        plan = EvaluationPlan(usual_effects=card.usual_effects, nulls=card.nulls)
        return cls(baseline, plan)

    def check(self, windows: Sequence[Table]) -> Runs:
        """The runs over some windows."""
        found = [evaluate(self.baseline, each, self.plan, threads=1) for each in windows]
        return Runs(
            np.array([run_p_value(each, self.plan) for each in found], dtype=float),
            np.array([any(result.is_drifted for result in each) for each in found]),
            np.array([_least_p_value(each) <= LEVEL for each in found]),
        )


def _least_p_value(results: Sequence[MethodResult]) -> float:
    found = [
        detail.p_value
        for result in results
        for detail in result.details
        if result.method in TESTS and detail.p_value is not None
    ]
    return min(found, default=1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The data of one monitor: its reference by windows, windows without drift, and the days of its incidents."""

    reference: Sequence[Table]
    quiet: Sequence[Table]
    incidents: Sequence[Sequence[Table]]


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """What monitors of one kind find.

    Attributes:
        quiet: Shape (monitors, runs), without drift.
        incidents: Shape (monitors, incidents, days): the windows of incidents; None where none were made.
    """

    quiet: Runs
    incidents: Runs | None = None


def made_up_bank(monitors: int = MONITORS) -> Bank:
    """Monitors of made-up features of several distributions, in windows of independent rows."""
    found = [_runs_of(made_up_windows(number)) for number in range(monitors)]
    quiet, incidents = zip(*found, strict=True)
    return Bank(Runs.stack(quiet).by_evidence(), Runs.stack(incidents))


def _runs_of(windows: Windows) -> tuple[Runs, Runs]:
    checker = Checker.of(windows.reference)
    incidents = [checker.check(days) for days in windows.incidents]
    return checker.check(windows.quiet), Runs.stack(incidents)


def made_up_windows(number: int, seed: int = 21) -> Windows:
    """The data of one made-up monitor, the same for the same number."""
    random = np.random.default_rng([seed, number])
    columns = _columns_of(random)
    count, rows = SHAPES[number % len(SHAPES)]
    return Windows(
        reference=[_draw(columns, rows, random) for _ in range(count)],
        quiet=[_draw(columns, rows, random) for _ in range(QUIET_RUNS)],
        incidents=[_incident(columns, rows, random) for _ in range(INCIDENTS_PER_MONITOR)],
    )


def _columns_of(random: Random) -> list[str]:
    """The distributions of a monitor's features."""
    return [str(name) for name in random.choice([*DISTRIBUTIONS], COLUMNS)]


def _draw(columns: Sequence[str], rows: int, random: Random) -> Table:
    made = {f"f{place}": DISTRIBUTIONS[name](random, rows) for place, name in enumerate(columns)}
    return pa.table(made)


def _incident(columns: Sequence[str], rows: int, random: Random) -> list[Table]:
    """The days of one incident: the same fault of the same column in each."""
    place = int(random.integers(len(columns)))
    days = [_draw(columns, rows, random) for _ in range(INCIDENT_DAYS)]
    faults = _faults_of(days[0].column(place).type)
    fault = faults[int(random.integers(len(faults)))]
    return [
        day.set_column(place, f"f{place}", fault.write(day.column(place), random)) for day in days
    ]


def _faults_of(column_type: pa.DataType) -> list[Incident]:
    kind = guess_kind(column_type)
    return [each for each in INCIDENTS.values() if each.kind in (None, kind)]


def flights_of_weeks(seed: int = 22) -> Bank:
    """Monitors of real flights whose references and windows are random weeks of the year."""
    return _real_bank("W", REFERENCE_WEEKS, seed)


def flights_of_days(seed: int = 23) -> Bank:
    """Monitors of real flights whose references and windows are random days of the year."""
    return _real_bank("D", REFERENCE_DAYS, seed)


def _real_bank(unit: str, reference: int, seed: int) -> Bank:
    spans = flights_by_span(unit)
    random = np.random.default_rng(seed)
    quiet = []
    for _ in range(REAL_MONITORS):
        picked = [spans[place] for place in random.permutation(len(spans))]
        windows = picked[reference : reference + REAL_RUNS]
        quiet.append(Checker.of(picked[:reference]).check(windows))
    return Bank(Runs.stack(quiet).by_evidence())


def flights_by_span(unit: str) -> list[Table]:
    """The flights of the year by its whole days (`D`) or weeks (`W`)."""
    flights = label_flights(read_flights())
    stamps = flights[TIMESTAMP].cast(pa.timestamp("us", "UTC")).to_numpy()
    start = np.datetime64(YEAR_START.replace(tzinfo=None), "us")
    span = ((stamps - start) / SPANS[unit]).astype(int)
    chosen = flights.select(FEATURES)
    return [chosen.filter(pa.array(span == each)).combine_chunks() for each in range(WHOLE[unit])]


def peer_bank(monitors: int, quiet_runs: int) -> Bank:
    """The first made-up monitors as Evidently's default preset sees them: flagged if any column is."""
    found = [_peer_runs(made_up_windows(number), quiet_runs) for number in range(monitors)]
    quiet, incidents = zip(*found, strict=True)
    return Bank(Runs.stack(quiet).by_evidence(), Runs.stack(incidents))


def _peer_runs(windows: Windows, quiet_runs: int) -> tuple[Runs, Runs]:
    reference = pa.concat_tables(windows.reference)
    incidents = [_peer_check(reference, days) for days in windows.incidents]
    return _peer_check(reference, windows.quiet[:quiet_runs]), Runs.stack(incidents)


def _peer_check(reference: Table, windows: Sequence[Table]) -> Runs:
    flagged = np.array([evidently_flags_day(reference, Day(0, 0, each)) > 0 for each in windows])
    return Runs(np.ones(len(windows)), flagged, flagged)
