"""Tables whose columns Arrow does not take, or not as they are; the expectations are pandas' and scipy's."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from algorithms.errors import UnusableColumn
from algorithms.library import Baseline, Comparison, compare
from algorithms.library.comparison_plans import plan_of
from detections.one_shot.compare import ComparisonRequest
from detections.one_shot.compare import compare as compare_files

ROWS = 200
SECRET = "ana@example.org"
BEFORE = pd.DataFrame({"x": np.arange(float(ROWS)), "y": np.arange(float(ROWS))})
AFTER = BEFORE.assign(x=BEFORE["x"] + 100)
UNTAKEN: dict[str, tuple[list[Any], str]] = {
    "mixed": ([7, SECRET], "Column 'odd' holds values of several types: int, str."),
    "wide": ([2**64 + 77, 1], "Column 'odd' holds int values that Arrow has no type for."),
    "endless": ([Decimal("Infinity"), Decimal(77)], "Column 'odd' holds Decimal values that"),
    "surrogate": (["\ud800", SECRET], "Column 'odd' holds str values that Arrow has no type for."),
    "complex": ([77j, None], "Column 'odd' holds complex values that Arrow has no type for."),
}


def with_odd(frame: pd.DataFrame, values: list[Any]) -> pd.DataFrame:
    return frame.assign(odd=pd.Series(values * (ROWS // 2), dtype=object))


def row(found: Comparison, feature: str) -> dict[str, Any]:
    one: dict[str, Any]
    [one] = [each for each in found.to_dict()["rows"] if each["feature"] == feature]
    return one


@pytest.mark.parametrize("kind", UNTAKEN)
def test_compare__column_that_arrow_does_not_take__is_an_error_of_that_feature_alone(
    kind: str,
) -> None:
    values, reason = UNTAKEN[kind]
    expected = stats.ks_2samp(BEFORE["x"], AFTER["x"]).statistic
    whole = BEFORE.assign(odd=["a", "b"] * (ROWS // 2))
    for before, after in ((with_odd(BEFORE, values), AFTER), (whole, with_odd(AFTER, values))):
        found = compare(before, after, methods=["ks", "chi_squared"])
        assert row(found, "x")["statistic"] == pytest.approx(expected, abs=1e-12)
        odd = row(found, "odd")
        assert odd["verdict"] == "error"
        assert odd["reason"].startswith(reason)
        shown = json.dumps(found.to_dict()) + repr(found) + found._repr_html_()
        assert SECRET not in shown
        assert "77" not in odd["reason"]


def test_compare__odd_column_that_is_not_asked_for__is_left_out() -> None:
    odd = with_odd(BEFORE, [1, "a"])
    found = compare(odd, odd, columns=["x"])
    assert [each.detail.feature for each in found.features] == ["x"]


def test_compare__only_odd_columns_asked_for__is_refused_with_the_reason() -> None:
    odd = with_odd(BEFORE, [1, "a"])
    with pytest.raises(ValueError, match="Column 'odd' holds values of several types: int, str"):
        compare(odd, odd, columns=["odd"])


def test_baseline__odd_column_of_the_reference__is_refused_if_asked_for_and_else_left_out() -> None:
    odd = with_odd(BEFORE, [1, "a"])
    with pytest.raises(ValueError, match="Column 'odd' holds values of several types"):
        Baseline.fit(odd, columns=["x", "odd"])
    found = Baseline.fit(odd).compare(odd)
    assert (found.left_out, str(found.verdict)) == (("odd",), "ok")


def not_utf8(rows: int, *, is_dictionary: bool) -> pa.Array:
    """Text that a program wrote without regard to its encoding: é of Latin-1, then an a."""
    offsets = pa.array([0, 1, 2], pa.int32()).buffers()[1]
    words = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"\xe9a")])
    places = pa.array([0, 1] * (rows // 2), pa.int32())
    return pa.DictionaryArray.from_arrays(places, words) if is_dictionary else words.take(places)


@pytest.mark.parametrize("is_dictionary", [False, True])
def test_compare__text_that_is_not_utf8__is_named_by_its_column(
    is_dictionary: bool, tmp_path: Path
) -> None:
    good = pa.table({"x": np.arange(float(ROWS)), "word": ["a", "b"] * (ROWS // 2)})
    bad = good.set_column(1, "word", not_utf8(ROWS, is_dictionary=is_dictionary))
    for fit in (Baseline.fit, lambda table: compare(table, table)):
        with pytest.raises(TypeError, match="Column 'word': The column holds text that is not UTF"):
            fit(bad)
    for found in (compare(good, bad), Baseline.fit(good, slices={"a": "word = 'a'"}).compare(bad)):
        assert row(found, "word")["reason"] == "The column holds text that is not UTF-8."
        assert [row(found, name)["verdict"] for name in ("x", "word")] == ["ok", "error"]
    paths = [tmp_path / name for name in ("good.parquet", "bad.parquet")]
    for path, each in zip(paths, (good, bad), strict=True):
        pq.write_table(each, path)
    found = compare_files(
        ComparisonRequest(reference=str(paths[0]), current=str(paths[1]), plan=plan_of())
    )
    assert row(found, "word")["verdict"] == "error"
    with pytest.raises(UnusableColumn, match="Column 'word'"):
        compare_files(
            ComparisonRequest(reference=str(paths[1]), current=str(paths[0]), plan=plan_of())
        )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (BEFORE["x"], "not Series; its to_frame() makes a table"),
        (pl.Series([1.0]), "not Series; its to_frame() makes a table"),
        (pl.LazyFrame({"x": [1.0]}), "not LazyFrame; its collect() makes a table"),
        (None, "not NoneType"),
    ],
)
def test_compare__no_table__is_refused_with_what_makes_one(table: Any, words: str) -> None:
    for place, sides in (("reference", (table, BEFORE)), ("current", (BEFORE, table))):
        with pytest.raises(TypeError, match=f"{place} must be a pandas.*{re.escape(words)}"):
            compare(*sides)


def test_compare__stream_with_itself__is_read_once() -> None:
    reader = pa.Table.from_pandas(BEFORE).to_reader()
    found = compare(reader, reader)
    assert (str(found.verdict), found.reference.rows, found.current.rows) == ("ok", ROWS, ROWS)
