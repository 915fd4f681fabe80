from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from detections.reports.report_columns import describe_left_out, left_out, with_note

KNOWN = pa.array([1.0, None, 3.0])


@pytest.mark.parametrize(
    ("current", "is_numeric", "reason"),
    [
        (KNOWN, True, None),
        (pa.array([None, None, 1]), True, None),
        (pa.array(["a", None, None]), False, None),
        (pa.nulls(3, pa.float64()), True, "each value is null in the current window"),
        (pa.nulls(3), True, "each value is null in the current window"),
        (pa.array([np.nan, None, np.inf]), True, "each value is null in the current window"),
        (pa.nulls(3, pa.string()), False, "each value is null in the current window"),
        (
            pa.array(["1", "2", "3"]),
            True,
            "it holds string and no numbers in the current window",
        ),
        (None, True, "there is no such column in the current window"),
    ],
)
def test_left_out__column_of_any_kind__has_the_reason(
    current: pa.Array | None, is_numeric: bool, reason: str | None
) -> None:
    reference = pa.table({"x": KNOWN, "e": KNOWN})
    table = pa.table({"x": KNOWN} | ({} if current is None else {"e": current}))
    found = left_out(reference, table, ["x", "e"], {"x", "e"} if is_numeric else {"x"})
    assert found == ({} if reason is None else {"e": reason})


def test_left_out__null_in_the_reference__is_left_out_too() -> None:
    empty = pa.table({"e": pa.nulls(2)})
    found: dict[str, Any] = left_out(empty, pa.table({"e": [1.0, 2.0]}), ["e"], {"e"})
    assert found == {"e": "each value is null in the reference"}


def test_with_note__columns_left_out__are_named_on_the_page_as_text() -> None:
    note = describe_left_out({"<b>": "each value is null in the reference"})
    assert note == "Left out: <b>, as each value is null in the reference."
    assert with_note("<html><body>x", note).startswith("<html><body><p>Left out: &lt;b&gt;, as")
    assert with_note("<html><body>x", describe_left_out({})) == "<html><body>x"
