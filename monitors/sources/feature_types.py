"""Says how the features of a reference are read from text."""

from collections.abc import Collection, Mapping

import pyarrow as pa

from algorithms.columns import FeatureKind
from monitors.sources.column_types import ColumnType, column_type_of
from monitors.sources.descriptions import DatasetDescription


def column_types(
    kinds: Mapping[str, str],
    reference: DatasetDescription | None = None,
    declared: Collection[str] = (),
) -> dict[str, ColumnType]:
    """The way to read features from text: those that are compared by name keep their letters.

    Args:
        kinds: The kind of each feature.
        reference: The types that the reference has; a category of CSV has none but its letters.
        declared: The features whose kinds are settings. Booleans of CSV that are categories of
            themselves are booleans in any spelling.
    """
    stored = reference.columns if reference else {}
    types = {name: column_type(kind, stored.get(name)) for name, kind in kinds.items()}
    if reference is None or not reference.is_text:
        return types
    names = [name for name, kind in kinds.items() if is_name(kind)]
    return types | {
        name: _type_of_words(stored.get(name), is_declared=name in declared) for name in names
    }


def _type_of_words(guessed: pa.DataType | None, *, is_declared: bool) -> ColumnType:
    """The way to read the categories of a reference that says nothing of types."""
    is_truth = guessed is not None and pa.types.is_boolean(guessed) and not is_declared
    return ColumnType.LENIENT_TRUTH if is_truth else ColumnType.TEXT


def column_type(kind: str, dtype: pa.DataType | None) -> ColumnType:
    """The way to read a feature of this kind, whose reference stores it as `dtype`."""
    return column_type_of(dtype, is_categorical=is_name(kind))


def is_name(kind: str) -> bool:
    """True for features that are compared by name."""
    return kind == FeatureKind.CATEGORICAL
