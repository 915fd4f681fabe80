"""Reads labels, predictions and scores as arrays, and checks them before any arithmetic."""

from collections.abc import Iterable, Sized

import numpy as np
import pyarrow as pa

from ..arrays import BoolArray, FloatArray, IntArray
from ..columns import FeatureKind, Values, as_arrow, as_one_array, guess_kind, to_float64
from ..errors import UnusableColumn

type Label = str | int | float | bool

MOST_CLASSES = 1000
NOT_THERE = -1
"""The code of a class that no row has."""


def read_numbers(values: Values, name: str) -> FloatArray:
    """A column of finite numbers.

    Raises:
        ValueError: If a row is null, NaN or infinite, or the values are not one-dimensional.
        UnusableColumn: If the column does not hold numbers.
    """
    numbers = to_float64(as_arrow(values))
    if not np.isfinite(numbers).all():
        raise ValueError(f"Every {name} must be a finite number; drop rows without one beforehand.")
    return numbers


def read_scores(values: Values) -> FloatArray:
    """Probabilities of the positive class.

    Raises:
        ValueError: If a row is null, NaN or outside [0, 1].
    """
    scores = read_numbers(values, "score")
    if not _are_probabilities(scores):
        raise ValueError("Every score must be a probability, from 0 to 1.")
    return scores


def _are_probabilities(scores: FloatArray) -> bool:
    return bool(scores.min(initial=0.0) >= 0 and scores.max(initial=1.0) <= 1)


def read_classes(**columns: Values) -> tuple[list[Label], dict[str, IntArray]]:
    """The classes that occur in any of the named columns, and each column as places in that list.

    Numbers and booleans are classes of one sort, so True, 1 and 1.0 are the same class; texts are another.

    Raises:
        ValueError: If a row is null or NaN, or there are more than 1000 classes.
        UnusableColumn: If one column holds text and another numbers.
    """
    arrays = [_plain(values, name) for name, values in columns.items()]
    _require_one_sort(columns, arrays)
    encoded = pa.concat_arrays(arrays).dictionary_encode()
    _require_few_classes(encoded.dictionary)
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary.to_pylist(), _by_column(columns, arrays, codes)


def _require_one_sort(names: Iterable[str], arrays: list[pa.Array]) -> None:
    if len({array.type for array in arrays}) > 1:
        raise UnusableColumn(
            f"{' and '.join(names)} must both hold text, or both numbers.".capitalize()
        )


def _require_few_classes(classes: pa.Array) -> None:
    if len(classes) > MOST_CLASSES:
        raise ValueError(
            f"Found {len(classes)} classes, more than {MOST_CLASSES}: are these numbers to "
            "regress on?"
        )


def _by_column(
    names: Iterable[str], arrays: list[pa.Array], codes: IntArray
) -> dict[str, IntArray]:
    """The codes of columns that lie one after the other, by the columns' names."""
    ends = np.cumsum([len(array) for array in arrays])[:-1]
    return dict(zip(names, np.split(codes, ends), strict=True))


def read_binary(values: Values, positive: Label | None, name: str) -> BoolArray | None:
    """True for rows of the positive class, shape (n,); None if there are more than two classes with it.

    Raises:
        ValueError: If a row is null or NaN.
    """
    classes, codes = read_classes(**{name: values})
    if positive is None or len({*classes, positive}) > 2:
        return None
    place = classes.index(positive) if positive in classes else NOT_THERE
    return np.equal(codes[name], place)


def require_same_rows(**columns: Sized) -> None:
    """Raise ValueError, naming the columns, unless they are of one length."""
    rows = {name: len(column) for name, column in columns.items()}
    if len(set(rows.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in rows.items())
        raise ValueError(
            f"The columns must have one row for each answer, but their rows are: {found}."
        )


def _plain(values: Values, name: str) -> pa.Array:
    """Text as large strings, numbers and booleans as floats."""
    column = _decoded(as_arrow(values))
    if column.null_count:
        raise ValueError(f"Every {name} must be known; drop null and NaN rows beforehand.")
    if _is_text(column.type):
        return column.cast(pa.large_string())
    return pa.array(read_numbers(column, name))


def _is_text(data_type: pa.DataType) -> bool:
    is_categorical = guess_kind(data_type) == FeatureKind.CATEGORICAL
    return is_categorical and not pa.types.is_boolean(data_type)


def _decoded(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array of values, without a dictionary."""
    array = as_one_array(column)
    if pa.types.is_dictionary(array.type):
        return array.cast(array.type.value_type)
    return array
