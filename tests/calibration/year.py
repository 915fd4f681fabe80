"""A simulated year of a fleet: monitors that read a day of flights each day, with incidents at known times.

Every day of every monitor is a random sample of real flights, so that without an incident nothing changes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_detector.demo.flights import label_flights, read_flights
from drift_detector.demo.model import FEATURES
from tests.calibration.draws import Random

MONITORS, DAYS = 50, 365
REFERENCE_ROWS, DAY_ROWS = 5_000, 1_000
FIRST_DAY, LAST_DAY = 20, 320
INCIDENTS_PER_MONITOR = 2
SPACE = 60
"""Days that no second incident of a monitor begins in."""
KILOMETRES = 1.609
SLOW_SHIFT = 0.6
"""Standard deviations that the slow drift reaches on its last day."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of incident.

    Attributes:
        days: How long it lasts.
        write: Makes the faulty day of a good one, from the share of the incident that is over (0 to 1).
    """

    days: int
    write: Callable[[pa.Table, float, Random], pa.Table]


@dataclass(frozen=True, slots=True)
class PlannedIncident:
    """One incident of one monitor, from its first day up to the last, inclusive."""

    monitor: int
    fault: str
    first: int
    last: int

    def covers(self, day: int, grace: int = 0) -> bool:
        """True if a day belongs to the incident, or to the days of grace after it."""
        return self.first <= day <= self.last + grace


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one monitor; no table is a day without data."""

    monitor: int
    day: int
    table: pa.Table


def _replace(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def _chosen(table: pa.Table, share: float, random: Random) -> pa.Array:
    return pa.array(random.random(table.num_rows) < share)


def _broken_join(table: pa.Table, _share: float, random: Random) -> pa.Table:
    """The columns that come from one joined table are missing in the same 30 % of the rows."""
    missing = _chosen(table, 0.3, random)
    for name in ("carrier", "distance"):
        table = _replace(table, name, pc.if_else(missing, None, table[name]))
    return table


def _other_unit(table: pa.Table, _share: float, _random: Random) -> pa.Table:
    kilometres = pc.multiply(table["distance"].cast(pa.float64()), KILOMETRES)
    return _replace(table, "distance", kilometres)


def _new_category(table: pa.Table, _share: float, random: Random) -> pa.Table:
    is_new = _chosen(table, 0.05, random)
    return _replace(table, "carrier", pc.if_else(is_new, "ZZ", table["carrier"]))


def _nulls(table: pa.Table, _share: float, random: Random) -> pa.Table:
    missing = _chosen(table, 0.1, random)
    return _replace(table, "dep_delay", pc.if_else(missing, None, table["dep_delay"]))


def _slow_drift(table: pa.Table, share: float, _random: Random) -> pa.Table:
    values = table["dep_delay"].cast(pa.float64())
    shift = SLOW_SHIFT * share * pc.stddev(values, ddof=1).as_py()
    return _replace(table, "dep_delay", pc.add(values, shift))


def _season(table: pa.Table, _share: float, random: Random) -> pa.Table:
    """A holiday timetable: six flights in ten depart in the evening."""
    evening = table.filter(pc.greater_equal(table["hour"], 17))
    rows = int(0.6 * table.num_rows)
    picked = evening.take(random.integers(0, evening.num_rows, rows))
    return pa.concat_tables([picked, table.slice(rows)])


def _outage(table: pa.Table, _share: float, _random: Random) -> pa.Table:
    return table.slice(0, 0)


FAULTS: Mapping[str, Fault] = {
    "a broken join: two columns are null in 30 % of the rows": Fault(7, _broken_join),
    "a unit: miles become kilometres": Fault(10, _other_unit),
    "a new carrier in 5 % of the rows": Fault(10, _new_category),
    "10 % of a column are null": Fault(7, _nulls),
    "a slow drift, up to 0.6 σ after four weeks": Fault(28, _slow_drift),
    "a season: 60 % evening flights": Fault(14, _season),
    "an outage: no rows": Fault(2, _outage),
}


def plan_incidents(seed: int = 11) -> list[PlannedIncident]:
    """The incidents of the year, the same for the same seed; each fault is as frequent as the others."""
    random, names = np.random.default_rng(seed), list(FAULTS)
    planned: list[PlannedIncident] = []
    for monitor in range(MONITORS):
        first = FIRST_DAY + int(random.integers(0, LAST_DAY // 2 - FIRST_DAY))
        second = first + SPACE + int(random.integers(0, LAST_DAY - SPACE - first))
        for place, day in enumerate((first, second)):
            fault = names[(monitor * INCIDENTS_PER_MONITOR + place) % len(names)]
            planned.append(PlannedIncident(monitor, fault, day, day + FAULTS[fault].days - 1))
    return planned


@cache
def _pool() -> pa.Table:
    return label_flights(read_flights()).select(FEATURES).combine_chunks()


def reference_of(monitor: int, seed: int = 12) -> pa.Table:
    """The reference of a monitor: a sample of the year."""
    return _sample(REFERENCE_ROWS, np.random.default_rng([seed, monitor]))


def _sample(rows: int, random: Random) -> pa.Table:
    pool = _pool()
    return pool.take(random.choice(pool.num_rows, rows, replace=False))


def days_of(monitor: int, incidents: Sequence[PlannedIncident], seed: int = 13) -> Iterator[Day]:
    """The year of one monitor, day by day."""
    own = [each for each in incidents if each.monitor == monitor]
    for day in range(DAYS):
        random = np.random.default_rng([seed, monitor, day])
        table = _sample(DAY_ROWS, random)
        for incident in own:
            if incident.covers(day):
                table = _with_fault(table, incident, day, random)
        yield Day(monitor, day, table)


def _with_fault(table: pa.Table, incident: PlannedIncident, day: int, random: Random) -> pa.Table:
    fault = FAULTS[incident.fault]
    share = (day - incident.first + 1) / fault.days
    return fault.write(table, share, random)
