"""Monitors whose weeks are audited, and the requests of an audit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
from rest_framework.test import APIClient

from monitors.models import Monitor
from tests.data import TIMESTAMPS, flights_like
from tests.detections.prediction_tables import classified, watch
from tests.factories import WEEK

LIMITS = {"accuracy": {"minimum": 0.7}}
MONITOR_ID = UUID("0f6a3c1e-2f4b-4a53-8f0e-3f2b1a9d7c55")
"""The draw follows from it, so that each run of these tests draws the same rows."""
WEEK_2 = {
    "start": TIMESTAMPS[2].isoformat(),
    "end": (TIMESTAMPS[2] + WEEK).isoformat(),
}


def with_ids(table: pa.Table) -> pa.Table:
    """The table with an id that is no feature, some of which a spreadsheet would take for formulas."""
    ids = [f"={number}" if number % 2 else f"f{number}" for number in range(table.num_rows)]
    return table.append_column("flight", pa.array(ids))


def url(monitor: Monitor) -> str:
    return f"/api/v1/monitors/{monitor.id}/label-audits"


def of(audit: dict[str, Any], part: str = "") -> str:
    return f"/api/v1/label-audits/{audit['id']}{part}"


def draw(api: APIClient, monitor: Monitor, **asked: Any) -> dict[str, Any]:
    answer = api.post(url(monitor), {"window": WEEK_2, "rows": 100} | asked)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def rows_of(api: APIClient, audit: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    answer = api.get(of(audit, "/rows"), {"rows": 1000} | query)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def send(api: APIClient, audit: dict[str, Any], labels: list[Any], first: int = 1) -> Any:
    body = [{"row": row, "label": label} for row, label in enumerate(labels, first)]
    return api.post(of(audit, "/labels"), {"labels": body})


def priced(week: int) -> pa.Table:
    """Predicted delays, and true ones that differ by normal errors."""
    table = flights_like(week=week, start=TIMESTAMPS[week])
    random = np.random.default_rng(200 + week)
    predicted = random.exponential(20, table.num_rows)
    return table.append_column("prediction", pa.array(predicted)).append_column(
        "label", pa.array(predicted + random.normal(0, 5, table.num_rows))
    )


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    """The table with other values in one of its columns."""
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def regressor(
    flights: Path, change: Callable[[pa.Table], pa.Table] = lambda table: table, **fields: Any
) -> Monitor:
    """A monitor of predicted delays with a limit on their mean error."""
    tables = {week: change(priced(week)) for week in range(4)}
    limits = {"performance_limits": {"mae": {"maximum": 9.0}}}
    return watch(flights, tables, **{"id": MONITOR_ID} | limits | fields)


def classifier(
    flights: Path, change: Callable[[pa.Table], pa.Table] = lambda table: table, **fields: Any
) -> Monitor:
    """A monitor of predicted classes with a limit on their accuracy."""
    tables = {week: change(classified(week)) for week in range(4)}
    return watch(flights, tables, **{"id": MONITOR_ID, "performance_limits": LIMITS} | fields)


def named(*names: str) -> Callable[[pa.Table], pa.Table]:
    """Renames the classes 0 and 1 of predictions and labels."""

    def rename(table: pa.Table) -> pa.Table:
        for column in ("prediction", "label"):
            places = table[column].to_pylist()
            table = with_column(table, column, [names[place] for place in places])
        return table

    return rename
