"""The rows that a condition chooses; SQLite is the oracle."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.baseline import Baseline, FeatureKind
from algorithms.slices.matching import contract_of, find_rows, read_column
from algorithms.slices.parsing import parse_condition
from algorithms.slices.slice_conditions import BadCondition
from algorithms.slices.slice_contracts import check_condition

NUMBERS = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([0.5, -1.5]))
TEXTS = st.one_of(st.none(), st.sampled_from(["a", "b", "it's", "A", ""]))
ROWS = st.lists(st.tuples(NUMBERS, TEXTS), min_size=1, max_size=30)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def conditions() -> st.SearchStrategy[str]:
    """Conditions over the number x and the text c, which SQLite reads as they are."""
    number = st.sampled_from(["0", "1", "1.0", "-1.5", "5e-1", "3"])
    text = st.sampled_from(["a", "it's", "", "z"]).map(quoted)
    signs = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    lists = st.lists(number, min_size=1, max_size=3).map(", ".join)
    texts = st.lists(text, min_size=1, max_size=3).map(", ".join)
    term = st.one_of(
        st.builds("x {} {}".format, signs, number),
        st.builds("c {} {}".format, st.sampled_from(["=", "!="]), text),
        st.builds("x {} ({})".format, st.sampled_from(["in", "not in"]), lists),
        st.builds("c {} ({})".format, st.sampled_from(["in", "not in"]), texts),
        st.sampled_from(["x is null", "x is not null", "c is null", "c is not null"]),
    )
    return st.recursive(
        term,
        lambda inner: st.one_of(
            st.builds("({} and {})".format, inner, inner),
            st.builds("({} or {})".format, inner, inner),
            st.builds("not ({})".format, inner),
        ),
        max_leaves=6,
    )


def baseline_of(table: pa.Table, **kinds: str) -> Baseline:
    return Baseline.fit(table, {name: FeatureKind(kind) for name, kind in kinds.items()})


def rows_of(baseline: Baseline, window: pa.Table, text: str) -> list[int]:
    condition = parse_condition(text)
    contracts = {name: contract_of(each) for name, each in baseline.features.items()}
    check_condition(condition, contracts)
    columns = {
        name: read_column(each, window.column(name).chunks)
        for name, each in baseline.features.items()
    }
    return [int(row) for row in find_rows(condition, columns)]


def sqlite_rows(rows: list[tuple[Any, Any]], text: str) -> list[int]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE window (x REAL, c TEXT)")
        database.executemany("INSERT INTO window VALUES (?, ?)", rows)
        found = database.execute(f"SELECT rowid - 1 FROM window WHERE {text} ORDER BY rowid")
        return [row for (row,) in found]


REFERENCE = baseline_of(
    pa.table({"x": [-1.5, 0.0, 1.0], "c": ["a", "b", "it's"]}), x="numeric", c="categorical"
)


@settings(max_examples=200, deadline=None)
@given(ROWS, conditions())
def test_find_rows__random_condition__agrees_with_sqlite(
    rows: list[tuple[Any, Any]], text: str
) -> None:
    numbers, texts = zip(*rows, strict=True)
    window = pa.table({"x": pa.array(numbers, pa.float64()), "c": pa.array(texts, pa.string())})
    assert rows_of(REFERENCE, window, text) == sqlite_rows(rows, text)


def test_find_rows__and_beside_or__binds_as_in_sqlite() -> None:
    rows = [(1, "a"), (0, "b"), (0, "a"), (1, "b")]
    window = pa.table({"x": [1.0, 0.0, 0.0, 1.0], "c": ["a", "b", "a", "b"]})
    text = "x = 1 or not x = 1 and c = 'b'"
    assert rows_of(REFERENCE, window, text) == sqlite_rows(rows, text) == [0, 1, 3]


def test_find_rows__nan__is_null() -> None:
    window = pa.table({"x": [1.0, np.nan], "c": ["a", "b"]})
    assert rows_of(REFERENCE, window, "x is null") == [1]
    assert rows_of(REFERENCE, window, "not (x = 1)") == []


@pytest.mark.parametrize(
    ("values", "data_type", "text"),
    [
        ([1, 2], pa.int8(), "v = 1.0"),
        ([1, 2], pa.decimal128(5, 2), "v = 1"),
        ([0.1, 0.2], pa.float32(), "v = 0.1"),
        ([0.1, 0.2], pa.float16(), "v <= 0.1"),
        ([2**60 + 1, 2**60], pa.int64(), f"v = {2**60 + 1}"),
        ([Decimal(1), None], pa.decimal128(5, 2), "v is not null"),
    ],
)
def test_find_rows__equal_in_another_type__is_chosen(
    values: list[Any], data_type: pa.DataType, text: str
) -> None:
    window = pa.table({"v": pa.array(values, data_type)})
    assert rows_of(baseline_of(window, v="numeric"), window, text) == [0]


def test_find_rows__window_of_narrower_floats__equal_values_are_chosen() -> None:
    reference = baseline_of(pa.table({"v": [0.1, 0.2, 0.3]}), v="numeric")
    window = pa.table({"v": pa.array([0.3, 0.1], pa.float32())})
    assert rows_of(reference, window, "v = 0.1") == [1]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["x", "y", None], "v = 'x'"),
        ([1, 2, 3], "v in (1.0)"),
        ([1, 2, 3], "v = '1'"),
        ([True, False, None], "v = true"),
        ([True, False, None], "v = 1"),
        ([datetime(2026, 1, 31, tzinfo=UTC), None, None], "v = '2026-01-31'"),
    ],
)
def test_find_rows__category__is_compared_by_value(values: list[Any], text: str) -> None:
    window = pa.table({"v": pa.array(values)})
    baseline = baseline_of(window, v="categorical")
    assert rows_of(baseline, window, text) == [0]
    encoded = pa.table({"v": pa.array(values).dictionary_encode()})
    assert rows_of(baseline, encoded, text) == [0]


def test_find_rows__times__are_compared_in_utc() -> None:
    times = [datetime(2026, 1, 31, hour, tzinfo=UTC) for hour in (0, 12)]
    window = pa.table({"v": pa.array(times, pa.timestamp("us", "UTC"))})
    found = rows_of(baseline_of(window, v="numeric"), window, "v >= '2026-01-31T13:00+01:00'")
    assert found == [1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cc = 'a'", "no feature 'cc'. The nearest is 'c'"),
        ("x = 'a'", "without quotes"),
        ("x = true", "without quotes"),
        ("c = 1", "single quotes"),
        ("c < 'a'", "is categorical"),
    ],
)
def test_check_condition__unfit_value__says_what_the_column_needs(text: str, reason: str) -> None:
    window = pa.table({"x": [1.0], "c": ["a"]})
    with pytest.raises(BadCondition, match=reason):
        rows_of(REFERENCE, window, text)
