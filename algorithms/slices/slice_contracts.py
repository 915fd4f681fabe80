"""Checks the values of a condition against the contract of its columns, and reads them as the columns do."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction

import pyarrow as pa

from ..columns import FeatureKind
from ..identity import name_values, reads_as
from ..value_types import MOMENTS, NUMBERS, ValueType
from .slice_conditions import (
    BadCondition,
    Comparison,
    Condition,
    NullCheck,
    Operator,
    Value,
    terms_of,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS = 1_000_000
NEEDS_NUMBER = "{} holds numbers: it needs a number without quotes."
NEEDS_TEXT = "{} holds text: it needs a text in single quotes."
NEEDS_MOMENT = "{} holds times: it needs a date or a time in single quotes, such as '2026-01-31'."
NEEDS_TRUTH = "{} is true or false: it needs true or false."
NO_VALUE = "{} holds durations as categories: it can only be asked whether it is null."
NO_ORDER = "{} is categorical: it is compared with =, !=, in and not in."


@dataclass(frozen=True, slots=True)
class Contract:
    """The contract of a column: the way to compare its values, and their type."""

    kind: FeatureKind
    value_type: ValueType


def check_condition(condition: Condition, contracts: Mapping[str, Contract]) -> None:
    """Check that a condition's columns are there, and that its values can be compared with theirs.

    Raises:
        BadCondition: At the first term that cannot be used.
    """
    for term in terms_of(condition):
        if term.column not in contracts:
            raise BadCondition(_unknown(term.column, contracts), term.position)
        if isinstance(term, Comparison):
            _check_comparison(term, contracts[term.column])


def _unknown(column: str, known: Collection[str]) -> str:
    near = get_close_matches(column, known, n=1)
    hint = f" The nearest is {near[0]!r}." if near else ""
    return f"There is no feature {column[:60]!r}.{hint}"


def _check_comparison(term: Comparison, contract: Contract) -> None:
    if contract.kind is FeatureKind.NUMERIC:
        for value in term.values:
            read_number(term, value, contract)
    else:
        read_names(term, contract)


def read_number(term: Comparison | NullCheck, value: Value, contract: Contract) -> Fraction:
    """A value as the exact number that a numeric column holds for it; times are seconds since 1970 (UTC).

    Raises:
        BadCondition: If the column holds no such values.
    """
    if contract.value_type in MOMENTS:
        return _read_moment(term, value)
    if isinstance(value, bool) and contract.value_type is ValueType.BOOLEAN:
        return Fraction(int(value))
    if not isinstance(value, Decimal):
        raise BadCondition(NEEDS_NUMBER.format(term.column), term.position)
    return Fraction(value)


def _read_moment(term: Comparison | NullCheck, value: Value) -> Fraction:
    """Seconds since 1970; a time without a zone is UTC."""
    if not isinstance(value, str) or not reads_as(value, ValueType.INSTANT):
        raise BadCondition(NEEDS_MOMENT.format(term.column), term.position)
    moment = datetime.fromisoformat(value.strip())
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    distance = aware - EPOCH
    whole = distance.days * 86_400 + distance.seconds
    return whole + Fraction(distance.microseconds, MICROSECONDS)


def read_names(term: Comparison, contract: Contract) -> pa.Array:
    """The names that a categorical column has for the values of a term, as `large_string`.

    Raises:
        BadCondition: If the column holds no such values, or the term asks for an order.
    """
    if term.operator is not Operator.EQUAL:
        raise BadCondition(NO_ORDER.format(term.column), term.position)
    texts = [_text(value) for value in term.values]
    if problem := _mismatch(term.values, texts, contract.value_type):
        raise BadCondition(problem.format(term.column), term.position)
    return name_values(pa.array(texts, pa.large_string()), contract.value_type)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mismatch(values: tuple[Value, ...], texts: list[str], value_type: ValueType) -> str:
    """The fault of values for a categorical column of a type; empty if there is none."""
    if value_type is ValueType.DURATION:
        return NO_VALUE
    if value_type is ValueType.BOOLEAN:
        names = name_values(pa.array(texts, pa.large_string()), value_type)
        return "" if set(names.to_pylist()) <= {"true", "false"} else NEEDS_TRUTH
    if value_type in NUMBERS:
        is_read = [reads_as(each, value_type) for each in texts]
        return "" if all(is_read) else NEEDS_NUMBER
    if not all(isinstance(each, str) for each in values):
        return NEEDS_MOMENT if value_type in MOMENTS else NEEDS_TEXT
    is_read = [reads_as(each, value_type) for each in texts]
    return "" if all(is_read) else NEEDS_MOMENT
