import json
import math
from typing import Any

import pyarrow as pa
import pytest

from monitors.sources import (
    InvalidInlineData,
    UnreadableSource,
    table_from_bytes,
    table_from_columns,
    table_to_bytes,
)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2, None], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([2**63 - 1, -(2**63)], pa.int64()),
        ([2**63, 1], pa.uint64()),
        ([2**64 - 1, None, -1], pa.decimal128(20, 0)),
        ([2**64, 1], pa.float64()),
        ([2**53, 0.5], pa.float64()),
        ([True, None], pa.bool_()),
        (["a", None, ""], pa.string()),
        ([None, None], pa.null()),
        ([], pa.null()),
    ],
)
def test_table_from_columns__scalars__type_holds_them(
    values: list[Any], dtype: pa.DataType
) -> None:
    table = table_from_columns({"x": values})
    assert table.schema.field("x").type == dtype
    assert table["x"].to_pylist() == values


def test_table_from_columns__json_nan_and_infinity__are_floats() -> None:
    values = table_from_columns(json.loads('{"x": [NaN, Infinity, -Infinity, 1, null]}'))[
        "x"
    ].to_pylist()
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, 1.0, None]


@pytest.mark.parametrize(
    "values",
    [
        [1, "a"],
        [True, 1],
        [True, 0.5],
        [True, "a"],
        [[1]],
        [{"a": 1}],
        [10**400],
        [0.5, 10**400],
        ["\ud800"],
        "abc",
        {"a": 1},
        None,
        5,
    ],
)
def test_table_from_columns__unusable_column__error_names_it(values: Any) -> None:
    with pytest.raises(InvalidInlineData, match="‘price’"):
        table_from_columns({"price": values})


@pytest.mark.parametrize("columns", [{}, [], None, {"": [1]}, {"\ud800": [1]}])
def test_table_from_columns__no_named_column__refused(columns: Any) -> None:
    with pytest.raises(InvalidInlineData):
        table_from_columns(columns)


def test_table_from_columns__unequal_lengths__names_the_column_and_both_lengths() -> None:
    with pytest.raises(InvalidInlineData, match="‘b’ has 1 values but ‘a’ has 2"):
        table_from_columns({"a": [1, 2], "b": [1]})


def test_table_to_bytes__round_trip__is_identical_and_compressed() -> None:
    table = table_from_columns(
        {"a": [1, None] * 5000, "b": ["x", "y"] * 5000, "c": [None] * 10_000}
    )
    data = table_to_bytes(table)
    assert table_from_bytes(data).equals(table)
    assert len(data) < table.nbytes / 4


def test_table_to_bytes__no_rows__keeps_the_schema() -> None:
    table = pa.table({"a": pa.array([], pa.float64())})
    assert table_from_bytes(table_to_bytes(table)).schema == table.schema


@pytest.mark.parametrize(
    "data", [b"", b"not arrow", table_to_bytes(pa.table({"a": list(range(9999))}))[:-2000]]
)
def test_table_from_bytes__damaged__unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableSource):
        table_from_bytes(data)
