"""Shows the drawn rows of a label audit: as records for JSON, and as CSV, which can come back with labels."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from math import isfinite
from typing import Any

import pyarrow as pa

from detections.label_audits.label_reading import BadLabels
from detections.label_audits.selectors import get_drawn_rows, get_labels
from detections.models import LabelAudit
from detections.outcomes.refusals import shown
from drift_detector.tenancy.exports import csv_cell
from monitors.models import Monitor
from monitors.prediction_tables import FEATURE

MOST_AUDIT_ROWS = 10_000
ROW, LABEL = "row", "label"
ROLES = ("occurred_at", "prediction", "score")
ROW_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
NO_COLUMNS = "The CSV must have the columns row and label, once each, with commas between columns."
RAGGED = "Each line of the CSV must have {} cells, as its heading has; one has {}."
NUMBER_OF_LABELS = "The CSV must have 1 to {:,} labels, not {:,}."
TWO_LABELS = "Row {} must come once, or with one label."


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


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """Some drawn rows in their order, and the names of what each has, also where there is no row.

    Attributes:
        roles: Those of `ROLES` that the rows have.
        values: The features and further columns.
    """

    rows: list[DrawnRow]
    roles: Sequence[str]
    values: Sequence[str]


def list_rows(audit: LabelAudit, monitor: Monitor, *, first: int, most: int) -> DrawnPage:
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
    rows = [
        DrawnRow(row, _at(roles, place), _at(values, place), labels.get(row))
        for place, row in enumerate(range(first, first + table.num_rows))
    ]
    return DrawnPage(rows, tuple(roles), tuple(values))


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


def csv_of(page: DrawnPage) -> str:
    """Rows as CSV with a heading; the column `label` is empty where there is none yet."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    for record in _records(page):
        writer.writerow([csv_cell(value) for value in record])
    return text.getvalue()


def _records(page: DrawnPage) -> Iterator[list[Any]]:
    yield [ROW, *page.roles, *headings_of(page.values), LABEL]
    for each in page.rows:
        yield [each.row, *each.roles.values(), *each.values.values(), each.label]


def headings_of(values: Sequence[str]) -> list[str]:
    """The heading of each column: its name, after `feature:` where that is the heading of another one."""
    taken, headings = {ROW, *ROLES, LABEL}, list[str]()
    for name in values:
        heading = name
        while heading in taken:
            heading = FEATURE + heading
        taken.add(heading)
        headings.append(heading)
    return headings


def read_labels_of_csv(body: bytes) -> dict[int, str]:
    """The labels of a CSV with the columns `row` and `label`, by row; an empty cell is no label.

    Args:
        body: UTF-8, as `csv_of` writes it; other columns are not looked at.

    Raises:
        BadLabels: If the body is no such CSV, or has no label or too many.
    """
    try:
        lines = csv.reader(StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        return _labels_of(lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadLabels(f"The body must be CSV in UTF-8: {error}.") from error


def _labels_of(lines: Iterable[list[str]]) -> dict[int, str]:
    records = [record for record in lines if record]
    heading = records[0] if records else []
    if any(heading.count(name) != 1 for name in (ROW, LABEL)):
        raise BadLabels(NO_COLUMNS)
    found = dict[int, str]()
    for record in records[1:]:
        if len(record) != len(heading):
            raise BadLabels(RAGGED.format(len(heading), len(record)))
        _add_label(found, record[heading.index(ROW)], record[heading.index(LABEL)])
    if not 0 < len(found) <= MOST_AUDIT_ROWS:
        raise BadLabels(NUMBER_OF_LABELS.format(MOST_AUDIT_ROWS, len(found)))
    return found


def _add_label(labels: dict[int, str], row: str, label: str) -> None:
    if not label.strip():
        return
    if not ROW_NUMBER.fullmatch(row.strip()):
        raise BadLabels(f"row must be a number from 1 to {MOST_AUDIT_ROWS}, not {shown(row)}.")
    if labels.setdefault(int(row), label) != label:
        raise BadLabels(TWO_LABELS.format(int(row)))
