"""Finds the columns of two windows that a report can compare, and says why others are left out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from algorithms.columns import FeatureKind
from algorithms.value_types import ValueType, value_type_of

NO_NUMBERS = frozenset({ValueType.TEXT, ValueType.OTHER})
BODY = "<body>"
SENSITIVE = "it is sensitive"


@dataclass(frozen=True, slots=True, eq=False)
class ComparableWindows:
    """The columns of two windows that can be compared.

    Attributes:
        reference: The window that is compared with; without columns if none can be compared.
        current: The other window, with the same columns.
        numeric: The columns that are compared as numbers.
        left_out: The columns that are left out, each with the reason.
    """

    reference: pa.Table
    current: pa.Table
    numeric: list[str]
    left_out: Mapping[str, str]

    @classmethod
    def of(
        cls,
        reference: pa.Table,
        current: pa.Table,
        features: Mapping[str, str],
        sensitive: Collection[str] = (),
    ) -> Self:
        """The windows with those features of a baseline, each with its kind, that have values in both."""
        numeric = [name for name, kind in features.items() if kind == FeatureKind.NUMERIC]
        shown = [name for name in features if name not in sensitive]
        reasons = dict.fromkeys((name for name in features if name in sensitive), SENSITIVE)
        reasons |= left_out(reference, current, shown, numeric)
        kept = [name for name in features if name not in reasons]
        return cls(reference.select(kept), current.select(kept), numeric, reasons)


def left_out(
    reference: pa.Table, current: pa.Table, columns: Sequence[str], numeric: Collection[str]
) -> dict[str, str]:
    """The columns that cannot be compared, each with the reason.

    Args:
        reference: The window that is compared with.
        current: The other window.
        columns: The columns of the baseline.
        numeric: Those that are compared as numbers.
    """
    windows = {"reference": reference, "current window": current}
    found: dict[str, str] = {}
    for name in columns:
        for window, table in windows.items():
            problem = _problem(table, name, is_numeric=name in numeric)
            if problem and name not in found:
                found[name] = f"{problem} in the {window}"
    return found


def _problem(table: pa.Table, name: str, *, is_numeric: bool) -> str:
    """The reason why a column of one window cannot be compared; empty without one."""
    if name not in table.column_names:
        return "there is no such column"
    column = table[name]
    if is_numeric and value_type_of(column.type) in NO_NUMBERS:
        return f"it holds {column.type} and no numbers"
    return "" if pc.any(_is_given(column)).as_py() else "each value is null"


def _is_given(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The rows with a value; to Evidently, NaN and infinities are none."""
    if pa.types.is_floating(column.type):
        return pc.fill_null(pc.is_finite(column), False)
    return pc.is_valid(column)


def describe_left_out(reasons: Mapping[str, str]) -> str:
    """A sentence about the columns that are left out; empty without one."""
    if not reasons:
        return ""
    return f"Left out: {'; '.join(f'{name}, as {reason}' for name, reason in reasons.items())}."


def with_note(page: str, note: str) -> str:
    """The page of a report with a sentence above it."""
    return page.replace(BODY, f"{BODY}<p>{escape(note)}</p>", 1) if note else page
