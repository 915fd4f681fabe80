"""Reads labels, predictions and scores as arrays, and checks them before any arithmetic."""

import re
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrays import BoolArray, FloatArray, IntArray
from ..columns import Values, as_arrow, as_one_array, to_float64
from ..decimals import LARGEST_EXACT, as_decimals, decimals_to_float64
from ..errors import UnusableColumn
from ..identity import name_values
from ..value_types import EXACT_TYPES, NUMBERS, ValueType, are_comparable, value_type_of

type Label = str | int | float | bool

MOST_CLASSES = 1000
MOST_SHOWN, LONGEST_SHOWN = 5, 40
NOT_FINITE = "Every {} must be a finite number; drop rows without one beforehand."
BEFORE_OTHERS = (ValueType.BOOLEAN, ValueType.FLOAT32)
"""Booleans name their classes true and false; in float32 the classes of wider floats are rounded."""
TRUTHS = frozenset({"true", "false"})
NUMBER = re.compile(r"-?\d+(\.\d+)?")
"""A number as `name_values` writes it."""
NOT_THERE = -1
"""The code of a class that no row has."""


def read_numbers(values: Values, name: str) -> FloatArray:
    """A column of finite numbers.

    Raises:
        ValueError: If a row is null, NaN or infinite, or the values are not one-dimensional.
        UnusableColumn: If the column does not hold numbers.
    """
    column = as_arrow(values)
    try:
        numbers = to_float64(column)
    except UnusableColumn as error:
        raise UnusableColumn(f"{name} must hold numbers, not {column.type}.") from error
    if not np.isfinite(numbers).all():
        raise ValueError(NOT_FINITE.format(name))
    return numbers


def exact_differences(one: Values, other: Values) -> FloatArray | None:
    """The differences of whole numbers and decimals beyond 2**53, which floats would round before they are subtracted.

    Returns:
        Shape (n,), the floats nearest to the exact differences; None if one of the columns holds others, or floats are
        exact enough.
    """
    columns = [as_one_array(as_arrow(values)) for values in (one, other)]
    if not all(value_type_of(column.type) in EXACT_TYPES for column in columns):
        return None
    if not any(_is_beyond_floats(column) for column in columns):
        return None
    return decimals_to_float64(pc.subtract(*map(as_decimals, columns)))


def _is_beyond_floats(column: pa.Array) -> bool:
    bounds = pc.min_max(column).as_py()
    return any(abs(bound) > LARGEST_EXACT for bound in bounds.values() if bound is not None)


def read_scores(values: Values) -> FloatArray:
    """Probabilities of the positive class.

    Raises:
        ValueError: If a row is null, NaN or outside [0, 1].
    """
    scores = read_numbers(values, "score")
    for extreme in (scores.min(initial=0.0), scores.max(initial=1.0)):
        if not 0 <= extreme <= 1:
            raise ValueError(
                f"Every score must be a probability, from 0 to 1; one is {float(extreme)!r}."
            )
    return scores


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Columns of classes, each as places in the list of all that occur in any of them.

    Classes are the same where their values are equal: True, 1, 1.0 and a decimal 1.00 are one class. Whole numbers are
    compared by their digits, so those beyond 2**53 keep apart. Text beside numbers is read as numbers.

    Attributes:
        names: The classes, by value.
        codes: Each column as places in `names`, shape (n,).
        contract: The type of value that classes are named by.
    """

    names: list[str]
    codes: dict[str, IntArray]
    contract: ValueType

    def name_of(self, label: Label) -> str:
        """A class by the name that it would have in these columns."""
        value = pa.array([label])
        is_text = isinstance(label, str) or self.contract in NUMBERS
        return str(name_values(value, self.contract if is_text else ValueType.FLOAT64)[0].as_py())

    def describe_missing(self, name: str) -> str:
        """A sentence about a positive class that no row is of."""
        found = ", ".join(repr(_shortened(each)) for each in self.names[:MOST_SHOWN])
        more = ", …" if len(self.names) > MOST_SHOWN else ""
        return f"No row is of the positive label {_shortened(name)!r}; the labels found are {found}{more}."


def read_classes(**columns: Values) -> Classes:
    """The classes of the named columns.

    Raises:
        ValueError: If a row is null, NaN or infinite, or there are more than 1000 classes.
        UnusableColumn: If the columns cannot be compared, such as numbers and text that is no number.
    """
    encoded = {name: _encoded(values, name) for name, values in columns.items()}
    contract = _contract({name: each.type.value_type for name, each in encoded.items()})
    named = {name: _named(each.dictionary, contract, name) for name, each in encoded.items()}
    classes, places = _merged(list(named.values()))
    codes = {
        name: place[_codes(each)]
        for place, (name, each) in zip(places, encoded.items(), strict=True)
    }
    return Classes(classes, codes, contract)


def _merged(named: list[pa.Array]) -> tuple[list[str], list[IntArray]]:
    """The distinct names of several columns, and the places of each column's names among them."""
    merged = pa.concat_arrays(named).dictionary_encode()
    _require_few_classes(merged.dictionary)
    ends = np.cumsum([len(names) for names in named])[:-1]
    return merged.dictionary.to_pylist(), np.split(_codes(merged), ends)


def _encoded(values: Values, name: str) -> pa.DictionaryArray:
    """A column of classes as its distinct values, and each row as the place of one."""
    column = _decoded(as_arrow(values))
    if column.null_count:
        raise ValueError(f"Every {name} must be known; drop null and NaN rows beforehand.")
    encoded = column.dictionary_encode()
    _require_few_classes(encoded.dictionary)
    _require_finite(encoded.dictionary, name)
    return encoded


def _codes(encoded: pa.DictionaryArray) -> IntArray:
    codes: IntArray = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _require_finite(values: pa.Array, name: str) -> None:
    if pa.types.is_floating(values.type) and not pc.all(pc.is_finite(values)).as_py():
        raise ValueError(NOT_FINITE.format(name))


def _require_few_classes(classes: pa.Array) -> None:
    if len(classes) > MOST_CLASSES:
        raise ValueError(
            f"Found {len(classes)} classes, more than {MOST_CLASSES}: are these numbers to "
            "regress on?"
        )


def _contract(columns: Mapping[str, pa.DataType]) -> ValueType:
    """The type of value that the columns are compared as: text only where all are text."""
    types = {name: value_type_of(data_type) for name, data_type in columns.items()}
    contract = _widest(types.values())
    if not all(_is_read(found, contract) for found in types.values()):
        held = ", ".join(f"{name} holds {data_type}" for name, data_type in columns.items())
        raise UnusableColumn(f"Classes must be text or numbers that can be compared; {held}.")
    return contract


def _is_read(found: ValueType, contract: ValueType) -> bool:
    """True if values of a type can be named under the contract; text may turn out not to be."""
    is_known = found is not ValueType.OTHER
    return is_known and (found is ValueType.TEXT or are_comparable(contract, found))


def _widest(types: Iterable[ValueType]) -> ValueType:
    """The first of `BEFORE_OTHERS` that is among the types, else the first type that says something."""
    found = [each for each in types if each is not ValueType.NULL]
    others = [each for each in found if each is not ValueType.TEXT]
    known = [each for each in BEFORE_OTHERS if each in others]
    return next(iter([*known, *others, *found]), ValueType.NULL)


def _named(values: pa.Array, contract: ValueType, column: str) -> pa.Array:
    """The names of distinct values under the contract."""
    names = name_values(values, contract)
    if contract in NUMBERS and value_type_of(values.type) is ValueType.TEXT:
        _require_numbers(names.to_pylist(), column)
    return names


def _require_numbers(names: Iterable[str], column: str) -> None:
    for name in names:
        if name not in TRUTHS and not NUMBER.fullmatch(name):
            raise UnusableColumn(
                f"{column} holds text that is no number, such as {_shortened(name)!r}, where the "
                "other column holds numbers. They must both hold text, or both numbers."
            )


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def read_binary(values: Values, positive: Label | None, name: str) -> BoolArray | None:
    """True for rows of the positive class, shape (n,); None if there are more than two classes with it.

    Raises:
        ValueError: If a row is null or NaN.
    """
    classes = read_classes(**{name: values})
    if positive is None:
        return None
    wanted = classes.name_of(positive)
    if len({*classes.names, wanted}) > 2:
        return None
    place = classes.names.index(wanted) if wanted in classes.names else NOT_THERE
    return np.equal(classes.codes[name], place)


def require_same_rows(**columns: Sized) -> None:
    """Raise ValueError, naming the columns, unless they are of one length."""
    rows = {name: len(column) for name, column in columns.items()}
    if len(set(rows.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in rows.items())
        raise ValueError(
            f"The columns must have one row for each answer, but their rows are: {found}."
        )


def _decoded(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array of values, without a dictionary."""
    array = as_one_array(column)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_float16(array.type):  # they cannot be encoded
        return array.cast(pa.float32())
    return array
