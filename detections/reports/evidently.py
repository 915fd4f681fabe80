"""The only module that imports Evidently."""

import json
import os
from typing import Any

# Evidently reports its use to its makers, unless this is set before it is imported.
os.environ["DO_NOT_TRACK"] = "1"

import pandas as pd
import pyarrow as pa
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from algorithms.columns import to_float64


def compare(
    reference: pa.Table, current: pa.Table, *, numeric: list[str]
) -> tuple[str, dict[str, Any]]:
    """Evidently's data drift preset over two windows with the same columns.

    Returns:
        The page as HTML, and the same figures as JSON values.
    """
    columns = reference.column_names
    numeric = [name for name in numeric if name in columns]
    definition = _definition(columns, numeric)
    datasets = [
        _dataset(table.select(columns), numeric, definition) for table in (current, reference)
    ]
    snapshot = Report([DataDriftPreset()]).run(*datasets)
    return snapshot.get_html_str(as_iframe=False), json.loads(snapshot.json())


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
