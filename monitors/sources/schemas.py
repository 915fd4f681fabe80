"""Unify the schemas of files that differ in their types or columns."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

import pyarrow as pa

_UNITS = ("s", "ms", "us", "ns")
DIGITS_OF_64_BITS, DIGITS_OF_128_BITS = 20, 38
_ANY_INTEGER = pa.decimal128(DIGITS_OF_64_BITS, 0)
"""Holds each int64 and each uint64 exactly."""


@dataclass(frozen=True, slots=True)
class UnifiedSchema:
    """The columns of several files.

    Attributes:
        schema: Each column with a type that holds every file's values.
        conflicts: The columns that have no such type, each with a sentence that says why.
    """

    schema: pa.Schema
    conflicts: Mapping[str, str]

    def without(self, conflicts: Mapping[str, str]) -> Self:
        """The same schema without more columns that conflict."""
        kept = [field for field in self.schema if field.name not in conflicts]
        return replace(self, schema=pa.schema(kept), conflicts={**self.conflicts, **conflicts})


def unify(
    schemas: Iterable[tuple[str, pa.Schema]], *, columns: Collection[str] | None, text: bool
) -> UnifiedSchema:
    """The columns of all files, each with a type that holds every file's values.

    Args:
        schemas: File name and schema, in file order.
        columns: The columns that matter, or None for all. The others are left out, so that a
            conflict in them is harmless.
        text: The types are guessed from text (CSV), so values that do not fit together are strings.
    """
    merged: dict[str, tuple[str, pa.DataType]] = {}
    conflicts: dict[str, str] = {}
    for name, schema in _distinct(schemas):
        conflicts |= _find_duplicates(name, schema, columns)
        wanted = [field for field in schema if columns is None or field.name in columns]
        for field in wanted:
            earlier = merged.get(field.name, (name, field.type))
            common = _merge(earlier[1], field.type, text=text)
            if common is None:
                conflicts.setdefault(field.name, _conflict(field, name, *earlier))
            merged[field.name] = (earlier[0], common or earlier[1])
    kept = [(column, dtype) for column, (_, dtype) in merged.items() if column not in conflicts]
    return UnifiedSchema(pa.schema(kept), conflicts)


def _distinct(schemas: Iterable[tuple[str, pa.Schema]]) -> Iterator[tuple[str, pa.Schema]]:
    """The schemas without those that an earlier file has."""
    seen: list[pa.Schema] = []
    for name, schema in schemas:
        if not any(schema.equals(other) for other in seen):
            seen.append(schema)
            yield name, schema


def _find_duplicates(
    name: str, schema: pa.Schema, columns: Collection[str] | None
) -> dict[str, str]:
    """The columns that a file has more than once, with the reason against each."""
    if len(set(schema.names)) == len(schema.names):
        return {}
    wanted = schema.names if columns is None else columns
    twice = [column for column in wanted if schema.names.count(column) > 1]
    return {column: f"‘{name}’ has more than one column ‘{column}’." for column in twice}


def _merge(left: pa.DataType, right: pa.DataType, *, text: bool) -> pa.DataType | None:
    common = left if left == right else common_type(left, right)
    return pa.string() if common is None and text else common


def _conflict(field: pa.Field, name: str, first: str, dtype: pa.DataType) -> str:
    return f"The column ‘{field.name}’ is {dtype} in ‘{first}’ but {field.type} in ‘{name}’."


def common_type(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """The narrowest type that holds both, or None; an instant without a zone counts as UTC."""
    plain = (_plain(left), _plain(right))
    for of_two in (_common_number, _common_instant, _common_duration):
        if (common := of_two(*plain)) is not None:
            return common
    common = _promoted(*plain)
    # Bytes are no text: pyarrow would make both of them bytes.
    return None if common is None or pa.types.is_binary(common) else common


def _common_number(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """The number type that holds a number and another one, or a boolean as 0 or 1."""
    if pa.types.is_boolean(right):
        left, right = right, left
    if pa.types.is_boolean(left):
        is_plain = pa.types.is_integer(right) or pa.types.is_floating(right)
        return right if is_plain else None
    if pa.types.is_floating(left) != pa.types.is_floating(right):
        return pa.float64() if _is_number(left) and _is_number(right) else None
    if pa.uint64() in (left, right) and (_is_signed(left) or _is_signed(right)):
        return _ANY_INTEGER
    return _common_decimal(left, right)


def _common_decimal(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """The decimal that holds a decimal and a whole number."""
    if pa.types.is_decimal(right):
        left, right = right, left
    if not (pa.types.is_decimal(left) and pa.types.is_integer(right)):
        return None
    digits = max(left.precision - left.scale, DIGITS_OF_64_BITS) + left.scale
    make = pa.decimal128 if digits <= DIGITS_OF_128_BITS else pa.decimal256
    return make(digits, left.scale)


def _is_number(dtype: pa.DataType) -> bool:
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(is_kind(dtype) for is_kind in kinds)


def _is_signed(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_signed_integer(dtype))


def _promoted(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """The common type by pyarrow's own rules."""
    fields = [pa.schema([("x", left)]), pa.schema([("x", right)])]
    try:
        return pa.unify_schemas(fields, promote_options="permissive").field("x").type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return None


def _common_instant(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """The timestamp that holds a timestamp, and another timestamp or a date."""
    stamps = [dtype for dtype in (left, right) if pa.types.is_timestamp(dtype)]
    if not stamps or not (_is_instant(left) and _is_instant(right)):
        return None
    units = [_unit(left), _unit(right)]
    return pa.timestamp(_common_unit(units), tz="UTC" if any(each.tz for each in stamps) else None)


def _common_duration(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    if not (pa.types.is_duration(left) and pa.types.is_duration(right)):
        return None
    return pa.duration(_common_unit([left.unit, right.unit]))


def _common_unit(units: list[str]) -> str:
    """The finer unit, but not nanoseconds beside another: int64 of them ends in the year 2262."""
    finest = max(units, key=_UNITS.index)
    return "us" if finest == "ns" and len(set(units)) > 1 else finest


def _unit(dtype: pa.DataType) -> str:
    return str(dtype.unit) if pa.types.is_timestamp(dtype) else "s"


def _is_instant(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(dtype) or pa.types.is_date(dtype))


def _plain(dtype: pa.DataType) -> pa.DataType:
    """The type of the values, without the way in which they are stored."""
    if pa.types.is_dictionary(dtype):
        return dtype.value_type
    return pa.string() if pa.types.is_string_view(dtype) else dtype
