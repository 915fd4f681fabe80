"""Finds the rows of a window for which a condition is true."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrays import BoolArray, CodeArray, FloatArray, IntArray
from ..references import CategoricalReference, FeatureReference, NumericReference
from ..value_types import ValueType
from .slice_conditions import (
    Both,
    Comparison,
    Condition,
    Either,
    Not,
    NullCheck,
    Operator,
)
from .slice_contracts import Contract, read_names, read_number
from .truth import Truth, all_of, any_of

COMPARE: Mapping[Operator, Callable[[FloatArray, float], BoolArray]] = {
    Operator.EQUAL: np.equal,
    Operator.BELOW: np.less,
    Operator.AT_MOST: np.less_equal,
    Operator.ABOVE: np.greater,
    Operator.AT_LEAST: np.greater_equal,
}
NARROW: Mapping[ValueType, type[np.floating[Any]]] = {
    ValueType.FLOAT32: np.float32,
    ValueType.FLOAT16: np.float16,
}


class ColumnPiece(Protocol):
    """A piece of a column, read for comparisons."""

    @property
    def is_missing(self) -> BoolArray: ...

    def compare(self, term: Comparison) -> BoolArray: ...


type ReadColumns = Mapping[str, Sequence[ColumnPiece]]


def contract_of(reference: FeatureReference) -> Contract:
    """The contract of a feature; a baseline from before types were kept knows its kind alone."""
    return Contract(reference.kind, reference.value_type or ValueType.NULL)


def read_column(reference: FeatureReference, chunks: Iterable[pa.Array]) -> list[ColumnPiece]:
    """A column of a window, read as the baseline reads it.

    Raises:
        RetypedColumn: If the column holds values of another type than the reference.
    """
    if isinstance(reference, NumericReference):
        return [_NumericPiece.of(reference, chunk) for chunk in chunks]
    return [_CategoricalPiece.of(reference, chunk) for chunk in chunks]


def find_rows(condition: Condition, columns: ReadColumns) -> IntArray:
    """The numbers of the rows for which a condition is true, ascending.

    Args:
        condition: Checked against the baseline's contract.
        columns: The columns that it reads, of equally many rows.
    """
    return np.flatnonzero(_truth_of(condition, columns).is_true)


def _truth_of(condition: Condition, columns: ReadColumns) -> Truth:
    match condition:
        case Comparison():
            return Truth.joined([_compared(condition, each) for each in columns[condition.column]])
        case NullCheck():
            return Truth.joined([_checked(each) for each in columns[condition.column]])
        case Not(part):
            return _truth_of(part, columns).negated()
        case Both(parts):
            return all_of([_truth_of(part, columns) for part in parts])
        case Either(parts):
            return any_of([_truth_of(part, columns) for part in parts])


def _compared(term: Comparison, piece: ColumnPiece) -> Truth:
    is_equal, is_known = piece.compare(term), ~piece.is_missing
    return Truth(is_known & is_equal, is_known & ~is_equal)


def _checked(piece: ColumnPiece) -> Truth:
    is_missing = piece.is_missing
    return Truth(is_missing, ~is_missing)


@dataclass(frozen=True, slots=True, eq=False)
class _NumericPiece:
    """Numbers as the reference holds its own, NaN where there is none, and the type they were stored as."""

    reference: NumericReference
    values: FloatArray
    found: ValueType

    @classmethod
    def of(cls, reference: NumericReference, chunk: pa.Array) -> "_NumericPiece":
        return cls(reference, *reference.numbers_of(chunk))

    @property
    def is_missing(self) -> BoolArray:
        return np.isnan(self.values)

    def compare(self, term: Comparison) -> BoolArray:
        contract, compare = contract_of(self.reference), COMPARE[term.operator]
        numbers = [self._placed(read_number(term, each, contract)) for each in term.values]
        found: BoolArray = np.logical_or.reduce([compare(self.values, each) for each in numbers])
        return found

    def _placed(self, number: Fraction) -> float:
        """A number where the column holds it: from the reference's origin, and as narrow as the column."""
        if self.reference.origin is not None:
            return _to_float(number - self.reference.origin)
        exact = _to_float(number)
        with np.errstate(over="ignore"):
            for each in NARROW.keys() & {self.found, self.reference.value_type}:
                exact = float(NARROW[each](exact))
        return exact


def _to_float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return np.inf if number > 0 else -np.inf


@dataclass(frozen=True, slots=True, eq=False)
class _CategoricalPiece:
    """Codes of names; that after the last stands for none.

    Attributes:
        reference: Of the feature.
        codes: Shape (rows,).
        names: By code, as `large_string`.
        data_type: That the column was stored as.
    """

    reference: CategoricalReference
    codes: CodeArray
    names: pa.Array
    data_type: pa.DataType

    @classmethod
    def of(cls, reference: CategoricalReference, chunk: pa.Array) -> "_CategoricalPiece":
        return cls(reference, *reference.names_of(chunk), chunk.type)

    @property
    def is_missing(self) -> BoolArray:
        missing: BoolArray = self.codes == len(self.names)
        return missing

    def compare(self, term: Comparison) -> BoolArray:
        wanted = read_names(term, contract_of(self.reference))
        stored = self.reference.names_as(wanted, self.data_type)
        is_wanted = pc.is_in(self.names, value_set=stored).to_numpy(zero_copy_only=False)
        by_row: BoolArray = np.append(is_wanted, False)[self.codes]
        return by_row
