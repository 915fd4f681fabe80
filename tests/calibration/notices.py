"""The notices that a rule sends over the simulated year, and how well they fit the incidents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import stats

from tests.calibration.simulations import evidently_flags
from tests.calibration.year import DAYS, Day, PlannedIncident

LEVEL = 0.05
GRACE = 3
"""Days after an incident in which a notice is still about it."""
QUARTERS = 4


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification to people about one monitor; `is_end` says that all is well again."""

    monitor: int
    day: int
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """How well notices fit incidents.

    Attributes:
        notices: All that were sent.
        found: The share of incidents with a notice while they lasted, or in the days of grace.
        delay: The mean time from the first day of a found incident to its notice, in days.
        false_notices: Notices outside every incident, per monitor and quarter.
    """

    notices: int
    found: float
    delay: float
    false_notices: float


def fit(notices: Sequence[Notice], incidents: Sequence[PlannedIncident], monitors: int) -> Fit:
    """Compare notices with the incidents of the first monitors."""
    own = [each for each in incidents if each.monitor < monitors]
    raised = [each for each in notices if not each.is_end]
    delays = [delay for each in own if (delay := _delay(each, raised)) is not None]
    false = sum(not any(_is_about(notice, each) for each in own) for notice in raised)
    return Fit(
        notices=len(notices),
        found=len(delays) / len(own),
        delay=float(np.mean(delays)) if delays else float("nan"),
        false_notices=false / monitors / (QUARTERS * DAYS / 365),
    )


def _is_about(notice: Notice, incident: PlannedIncident) -> bool:
    return notice.monitor == incident.monitor and incident.covers(notice.day, GRACE)


def _delay(incident: PlannedIncident, raised: Iterable[Notice]) -> int | None:
    days = [notice.day for notice in raised if _is_about(notice, incident)]
    return min(days) - incident.first if days else None


def naive_flags(reference: pa.Table, day: Day) -> int:
    """The features that KS or chi-squared at 5 % flags; all of them on a day without rows."""
    names = reference.column_names
    if not day.table.num_rows:
        return len(names)
    return sum(_p_value(reference[name], day.table[name]) <= LEVEL for name in names)


def _p_value(reference: pa.ChunkedArray, current: pa.ChunkedArray) -> float:
    before, after = reference.drop_null(), current.drop_null()
    if pa.types.is_string(before.type):
        return _p_of_categories(before, after)
    return float(stats.ks_2samp(before.to_numpy(), after.to_numpy(), method="asymp").pvalue)


def _p_of_categories(before: pa.ChunkedArray, after: pa.ChunkedArray) -> float:
    names = sorted({*before.unique().to_pylist(), *after.unique().to_pylist()})
    table = np.array([_counts(values, names) for values in (before, after)])
    return float(stats.chi2_contingency(table).pvalue)


def _counts(values: pa.ChunkedArray, names: Sequence[str]) -> list[int]:
    counted = {each["values"]: each["counts"] for each in values.value_counts().to_pylist()}
    return [counted.get(name, 0) for name in names]


def evidently_flags_day(reference: pa.Table, day: Day) -> int:
    """The columns that Evidently's default preset flags; all of them on a day without rows."""
    if not day.table.num_rows:
        return int(reference.num_columns)
    return evidently_flags(_columns(reference), _columns(day.table))


def _columns(table: pa.Table) -> dict[str, np.ndarray]:
    return {name: table[name].to_pandas().to_numpy() for name in table.column_names}
