"""Shows the drawn rows of a label audit: as records for JSON, and as CSV."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from math import isfinite
from typing import Any

import pyarrow as pa

from detections.label_audits.selectors import get_drawn_rows, get_labels
from detections.models import LabelAudit
from drift_detector.tenancy.exports import csv_cell
from monitors.models import Monitor
from monitors.prediction_tables import FEATURE

ROLES = ("occurred_at", "prediction", "score")


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """One drawn row as a person sees it.

    Attributes:
        row: Its place in the draw, from 1.
        roles: The time, the prediction, and the score where there is one.
        values: The features and further columns, by name.
        label: Its label so far.
    """

    row: int
    roles: Mapping[str, Any]
    values: Mapping[str, Any]
    label: Any


def list_rows(audit: LabelAudit, monitor: Monitor, *, first: int, most: int) -> list[DrawnRow]:
    """Drawn rows in their order, without the features that are sensitive now.

    Args:
        audit: The audit, with its rows.
        monitor: The audit's monitor.
        first: The first row, from 1.
        most: The most rows.
    """
    table = get_drawn_rows(audit).slice(first - 1, most)
    labels = get_labels(audit)
    roles = _columns(table, {name: name for name in ROLES if name in table.column_names})
    values = _columns(table, _shown(table, monitor))
    return [
        DrawnRow(row, _at(roles, place), _at(values, place), labels.get(row))
        for place, row in enumerate(range(first, first + table.num_rows))
    ]


def _shown(table: pa.Table, monitor: Monitor) -> dict[str, str]:
    """The columns of the table that are shown, by their names in the data."""
    names = {
        column.removeprefix(FEATURE): column
        for column in table.column_names
        if column.startswith(FEATURE)
    }
    return {
        name: column for name, column in names.items() if name not in monitor.sensitive_features
    }


def _columns(table: pa.Table, names: Mapping[str, str]) -> dict[str, list[Any]]:
    return {
        name: [_plain(each) for each in table[column].to_pylist()] for name, column in names.items()
    }


def _plain(value: Any) -> Any:
    """A value of JSON: NaN becomes null, a decimal a number, and another type text."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _at(columns: Mapping[str, list[Any]], place: int) -> dict[str, Any]:
    return {name: values[place] for name, values in columns.items()}


def csv_of(rows: list[DrawnRow]) -> str:
    """The rows as CSV with a heading; the column `label` is empty where there is none yet."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    for record in _records(rows):
        writer.writerow([csv_cell(value) for value in record])
    return text.getvalue()


def _records(rows: list[DrawnRow]) -> Iterator[list[Any]]:
    if rows:
        yield ["row", *rows[0].roles, *rows[0].values, "label"]
    for each in rows:
        yield [each.row, *each.roles.values(), *each.values.values(), each.label]
