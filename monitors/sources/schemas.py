"""Unify the schemas of files that differ in their types or columns."""

from collections.abc import Collection, Iterable

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
    seen: list[pa.Schema] = []
    for name, schema in schemas:
        if any(schema.equals(other) for other in seen):
            continue
        seen.append(schema)
        _refuse_duplicates(name, schema, columns)
        for field in schema:
            if columns is None or field.name in columns:
                merged[field.name] = _merge(name, field, merged.get(field.name), text=text)
    return pa.schema([(column, dtype) for column, (_, dtype) in merged.items()])


def _refuse_duplicates(name: str, schema: pa.Schema, columns: Collection[str] | None) -> None:
    if len(set(schema.names)) == len(schema.names):
        return
    for column in schema.names if columns is None else columns:
        if schema.names.count(column) > 1:
            raise SchemaMismatch(f"‘{name}’ has more than one column ‘{column}’.")


def _merge(
    name: str, field: pa.Field, earlier: tuple[str, pa.DataType] | None, *, text: bool
) -> tuple[str, pa.DataType]:
    if earlier is None or earlier[1] == field.type:
        return earlier or (name, field.type)
    common = common_type(earlier[1], field.type) or (pa.string() if text else None)
    if common is None:
        raise SchemaMismatch(
            f"The column ‘{field.name}’ is {earlier[1]} in ‘{earlier[0]}’ "
            f"but {field.type} in ‘{name}’."
        )
    return (earlier[0], common)


def common_type(left: pa.DataType, right: pa.DataType) -> pa.DataType | None:
    """The narrowest type that holds both, or None; an instant without a zone counts as UTC."""
    try:
        fields = [pa.schema([("x", left)]), pa.schema([("x", right)])]
        return pa.unify_schemas(fields, promote_options="permissive").field("x").type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        pass
    if (_plain(left), _plain(right)) != (left, right):
        return common_type(_plain(left), _plain(right))
    stamps = [dtype for dtype in (left, right) if pa.types.is_timestamp(dtype)]
    if stamps and all(
        pa.types.is_temporal(dtype) and not pa.types.is_time(dtype) for dtype in (left, right)
    ):
        unit = max((stamp.unit for stamp in stamps), key=_UNITS.index)
        return pa.timestamp(unit, tz="UTC" if any(stamp.tz for stamp in stamps) else None)
    return None


def _plain(dtype: pa.DataType) -> pa.DataType:
    """The type of the values, without the way in which they are stored."""
    if pa.types.is_dictionary(dtype):
        return dtype.value_type
    return pa.string() if pa.types.is_string_view(dtype) else dtype
