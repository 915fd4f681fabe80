"""Unify the schemas of files that differ in their types or columns."""

from collections.abc import Collection, Iterable, Iterator

import pyarrow as pa

from monitors.sources.source_errors import SchemaMismatch

_UNITS = ("s", "ms", "us", "ns")


def unify(
    schemas: Iterable[tuple[str, pa.Schema]], *, columns: Collection[str] | None, text: bool
) -> pa.Schema:
    """The columns of all files, each with a type that holds every file's values.

    Args:
        schemas: File name and schema, in file order.
        columns: The columns that matter, or None for all. The others are left out, so that a
            conflict in them is harmless.
        text: The types are guessed from text (CSV), so values that do not fit together are strings.

    Raises:
        SchemaMismatch: If no type holds the values of two files in one column, or a file has a
            column twice.
    """
    merged: dict[str, tuple[str, pa.DataType]] = {}
    for name, schema in _distinct(schemas):
        _refuse_duplicates(name, schema, columns)
        wanted = [field for field in schema if columns is None or field.name in columns]
        for field in wanted:
            merged[field.name] = _merge(name, field, merged.get(field.name), text=text)
    return pa.schema([(column, dtype) for column, (_, dtype) in merged.items()])


def _distinct(schemas: Iterable[tuple[str, pa.Schema]]) -> Iterator[tuple[str, pa.Schema]]:
    """The schemas without those that an earlier file has."""
    seen: list[pa.Schema] = []
    for name, schema in schemas:
        if not any(schema.equals(other) for other in seen):
            seen.append(schema)
            yield name, schema


def _refuse_duplicates(name: str, schema: pa.Schema, columns: Collection[str] | None) -> None:
    if len(set(schema.names)) == len(schema.names):
        return
    for column in schema.names if columns is None else columns:
        if schema.names.count(column) > 1:
            raise SchemaMismatch(f"‘{name}’ has more than one column ‘{column}’.")


def _merge(
    name: str, field: pa.Field, earlier: tuple[str, pa.DataType] | None, *, text: bool
) -> tuple[str, pa.DataType]:
    """The first file that has the column, and a type for all files so far."""
    if earlier is None:
        return name, field.type
    first, dtype = earlier
    common = dtype if dtype == field.type else common_type(dtype, field.type)
    if common is not None:
        return first, common
    if text:
        return first, pa.string()
    raise SchemaMismatch(
        f"The column ‘{field.name}’ is {dtype} in ‘{first}’ but {field.type} in ‘{name}’."
    )


def common_type(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """The narrowest type that holds both, or None; an instant without a zone counts as UTC."""
    common = _promoted(left, right)
    if common is not None:
        return common
    plain = (_plain(left), _plain(right))
    return common_type(*plain) if plain != (left, right) else _common_instant(left, right)


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
    unit = max((stamp.unit for stamp in stamps), key=_UNITS.index)
    return pa.timestamp(unit, tz="UTC" if any(stamp.tz for stamp in stamps) else None)


def _is_instant(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(dtype) and not pa.types.is_time(dtype))


def _plain(dtype: pa.DataType) -> pa.DataType:
    """The type of the values, without the way in which they are stored."""
    if pa.types.is_dictionary(dtype):
        return dtype.value_type
    return pa.string() if pa.types.is_string_view(dtype) else dtype
