"""The only module that imports Evidently."""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

# Evidently reports its use to its makers, unless this is set before it is imported.
os.environ["DO_NOT_TRACK"] = "1"

import pandas as pd
import pyarrow as pa
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from algorithms.columns import to_float64


@dataclass(frozen=True, slots=True)
class Comparison:
    """Evidently's comparison of two windows.

    Attributes:
        page: The report as HTML; empty if it could compare no column.
        summary: The same figures as JSON values; null for what is no number.
        failed: The columns on which Evidently fails, with its words.
    """

    page: str
    summary: dict[str, Any]
    failed: Mapping[str, str]


def compare(reference: pa.Table, current: pa.Table, *, numeric: Collection[str]) -> Comparison:
    """Evidently's data drift preset over two windows with the same columns.

    A column on which it fails is left out, and the report is made of the others.
    """
    columns = reference.column_names
    try:
        return _report(reference, current, numeric)
    except Exception:  # noqa: BLE001 — one column of the tenant's data fails the whole report
        tried = {name: _failure(reference, current, name, numeric) for name in columns}
    failed = {name: words for name, words in tried.items() if words}
    kept = [name for name in columns if name not in failed]
    if not kept:
        return Comparison("", {}, failed)
    return replace(_report(reference.select(kept), current.select(kept), numeric), failed=failed)


def _failure(reference: pa.Table, current: pa.Table, name: str, numeric: Collection[str]) -> str:
    """The words with which Evidently fails on a column alone; empty if it does not."""
    try:
        _report(reference.select([name]), current.select([name]), numeric)
    except Exception as error:  # noqa: BLE001
        return f"Evidently fails on it ({type(error).__name__})"
    return ""


def _report(reference: pa.Table, current: pa.Table, numeric: Collection[str]) -> Comparison:
    columns = reference.column_names
    numbers = [name for name in columns if name in numeric]
    definition = _definition(columns, numbers)
    datasets = [
        _dataset(table.select(columns), numbers, definition) for table in (current, reference)
    ]
    snapshot = Report([DataDriftPreset()]).run(*datasets)
    # A test of a column that never changes answers NaN, which the database's JSON has not.
    summary = json.loads(snapshot.json(), parse_constant=lambda _: None)
    return Comparison(snapshot.get_html_str(as_iframe=False), summary, {})


def _definition(columns: list[str], numeric: list[str]) -> DataDefinition:
    categorical = [name for name in columns if name not in numeric]
    return DataDefinition(numerical_columns=numeric, categorical_columns=categorical)


def _dataset(table: pa.Table, numeric: list[str], definition: DataDefinition) -> Dataset:
    frame: pd.DataFrame = table.to_pandas()
    for name in frame.columns:
        if name in numeric:
            frame[name] = to_float64(table.column(name))
        else:
            frame[name] = frame[name].astype("string").astype(object)
    return Dataset.from_pandas(frame, data_definition=definition)
