"""Measures explanations: incidents inside a part of real data, and windows without any."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate
from algorithms.plan import EvaluationPlan
from algorithms.slices.drifting_slices import DriftingSlice, find_drifting_slices
from algorithms.slices.matching import find_rows, read_column
from algorithms.slices.parsing import parse_condition
from algorithms.slices.row_samples import sample_rows
from algorithms.slices.slice_conditions import columns_of
from algorithms.verdicts import Verdict
from drift_detector.demo.flights import label_flights, read_flights
from tests.calibration.draws import Random

ROWS = 20_000
KINDS = {
    "dep_delay": FeatureKind.NUMERIC,
    "distance": FeatureKind.NUMERIC,
    "hour": FeatureKind.NUMERIC,
    "carrier": FeatureKind.CATEGORICAL,
    "origin": FeatureKind.CATEGORICAL,
    "dest": FeatureKind.CATEGORICAL,
    "day_of_week": FeatureKind.CATEGORICAL,
}
SMALLEST, LARGEST = 0.04, 0.06
"""The share of the rows that an incident's slice has."""
SAME = 0.8
"""Rows of both over rows of either from which on a found slice is the incident's."""
type Write = Callable[[pa.ChunkedArray, Random], pa.Array]


def _moved(column: pa.ChunkedArray, by: float) -> pa.Array:
    values = column.to_numpy().astype(np.float64)
    return pa.array(values + by * values.std())


def _emptied(column: pa.ChunkedArray, random: Random) -> pa.Array:
    return pc.if_else(pa.array(random.random(len(column)) < 0.2), None, column)


INCIDENTS: Mapping[str, Write | None] = {
    "none": None,
    "shift of 0.5 σ": lambda column, _: _moved(column, 0.5),
    "shift of 1 σ": lambda column, _: _moved(column, 1.0),
    "20 % nulls": _emptied,
}
ONE = ["carrier", "dest"]
PAIRS = [("carrier", "origin"), ("origin", "day_of_week"), ("carrier", "day_of_week")]


@dataclass(frozen=True, slots=True)
class _Answer:
    """Whether the whole drifted, the incident's slice was the first or among all found, and any was found."""

    whole: bool
    is_first: bool
    is_found: bool
    is_any: bool


def explanation_rows(draws: int) -> Iterator[list[str]]:
    """By incident and number of conditions: how often its slice is found, first and at all."""
    flights = label_flights(read_flights()).select(list(KINDS))
    for name, write in INCIDENTS.items():
        for conditions in (1, 2) if write else (0,):
            found = [_draw(flights, write, conditions, seed) for seed in range(draws)]
            rates = [
                np.mean([getattr(each, field) for each in found]) for field in _Answer.__slots__
            ]
            shown = str(conditions) if write else "–"
            yield [name, shown, *(f"{rate:.1%}" for rate in rates), str(draws)]


def _draw(flights: pa.Table, write: Write | None, conditions: int, seed: int) -> _Answer:
    random = np.random.default_rng([seed, conditions])
    chosen = random.choice(flights.num_rows, 2 * ROWS, replace=False)
    reference, current = flights.take(chosen[:ROWS]), flights.take(chosen[ROWS:])
    where, column = "", ""
    if write is not None:
        where = _condition(reference, conditions, random)
        column = str(random.choice(_free_columns(where)))
        current = _with_incident(current, where, column, write(current[column], random))
    baseline = Baseline.fit(reference, KINDS)
    results = evaluate(baseline, current, EvaluationPlan(), threads=1)
    drifted = {
        each.feature
        for result in results
        for each in result.details
        if each.verdict is Verdict.DRIFT
    }
    samples = [sample_rows(each.to_batches(), 2 * ROWS, seed) for each in (reference, current)]
    found = find_drifting_slices(
        baseline.features, *samples, targets=sorted(drifted & KINDS.keys()), seed=seed
    )
    are_it = [_is_same(each, where, current, baseline) for each in found] if where else []
    return _Answer(bool(drifted), are_it[:1] == [True], any(are_it), bool(found))


def _condition(table: pa.Table, conditions: int, random: Random) -> str:
    """A random slice of about 5 % of the rows, by equal values of one or two columns."""
    places = [[name] for name in ONE] if conditions == 1 else [[*pair] for pair in PAIRS]
    wheres = [where for names in places for where in _wheres(table, names)]
    return str(random.choice(wheres))


def _wheres(table: pa.Table, names: list[str]) -> Iterator[str]:
    counted = table.group_by(names).aggregate([([], "count_all")]).to_pylist()
    for row in counted:
        if SMALLEST <= row["count_all"] / table.num_rows <= LARGEST:
            yield " and ".join(f"{name} = '{row[name]}'" for name in names)


def _free_columns(where: str) -> list[str]:
    """The numeric columns that the condition does not name."""
    named = columns_of(parse_condition(where))
    return [name for name in ("dep_delay", "distance", "hour") if name not in named]


def _with_incident(table: pa.Table, where: str, column: str, faulty: pa.Array) -> pa.Table:
    is_inside = np.zeros(table.num_rows, np.bool_)
    is_inside[_rows_of(where, table, Baseline.fit(table, KINDS))] = True
    mixed = pc.if_else(pa.array(is_inside), faulty, table[column])
    return table.set_column(table.column_names.index(column), column, mixed)


def _rows_of(where: str, table: pa.Table, baseline: Baseline) -> np.ndarray:
    condition = parse_condition(where)
    columns = {
        name: read_column(baseline.features[name], table[name].chunks)
        for name in columns_of(condition)
    }
    return find_rows(condition, columns)


def _is_same(found: DriftingSlice, where: str, table: pa.Table, baseline: Baseline) -> bool:
    own, true = (set(_rows_of(each, table, baseline).tolist()) for each in (found.where, where))
    return len(own & true) >= SAME * len(own | true)
