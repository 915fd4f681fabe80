"""Checks the slices of a monitor: their names, their conditions, and the features that these name."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from django.core.exceptions import ValidationError

from algorithms.columns import FeatureKind
from algorithms.slices.parsing import parse_condition
from algorithms.slices.slice_conditions import BadCondition, Condition, columns_of
from algorithms.slices.slice_contracts import Contract, check_condition
from algorithms.value_types import ValueType, value_type_of
from monitors.sources import is_storable

MOST_SLICES = 20
LONGEST_SLICE_NAME = 100
KEYS = frozenset({"name", "where"})


def check_form(slices: Any) -> list[dict[str, str]]:
    """Slices, each with a name of its own and a condition that can be read.

    Raises:
        ValidationError: With the slice, and the character at which its condition goes wrong.
    """
    if not isinstance(slices, list) or not all(map(_is_slice, slices)):
        raise ValidationError(
            "slices must be a list of objects, each with the texts name and where."
        )
    if len(slices) > MOST_SLICES:
        raise ValidationError(f"slices must be at most {MOST_SLICES}.")
    checked = [{"name": each["name"].strip(), "where": each["where"].strip()} for each in slices]
    names = [each["name"] for each in checked]
    for name in names:
        _check_name(name)
    if len(set(names)) < len(names):
        raise ValidationError("slices must have names that differ.")
    for each in checked:
        _parse(each)
    return checked


def _is_slice(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and set(each) == KEYS
        and all(isinstance(text, str) and is_storable(text) for text in each.values())
    )


def _check_name(name: str) -> None:
    if not 0 < len(name) <= LONGEST_SLICE_NAME:
        raise ValidationError(f"A slice's name must have 1 to {LONGEST_SLICE_NAME} characters.")


def _parse(each: Mapping[str, str]) -> Condition:
    try:
        return parse_condition(each["where"])
    except BadCondition as error:
        raise bad_slice(each["name"], error) from error


def bad_slice(name: str, error: BadCondition) -> ValidationError:
    """The refusal of a slice by its name, with the character and the reason."""
    return ValidationError(f"The condition of slice {name!r} is wrong {error}")


def check_not_sensitive(slices: Sequence[Mapping[str, str]], sensitive: Sequence[str]) -> None:
    """Check that no condition holds a value of a sensitive feature, as it would be shown.

    Raises:
        ValidationError: With the slice and the feature.
    """
    for each in slices:
        if named := sorted(set(columns_of(_parse(each))) & set(sensitive)):
            reason = f"must not name sensitive features, such as {named[0]}."
            raise ValidationError({"slices": f"The condition of slice {each['name']!r} {reason}"})


def check_contracts(
    slices: Sequence[Mapping[str, str]],
    features: Mapping[str, FeatureKind],
    types: Mapping[str, pa.DataType],
    *,
    is_text: bool,
) -> None:
    """Check that conditions name features, and compare them with values that they can hold.

    Args:
        slices: The slices, of checked form.
        features: The kinds of the reference's features.
        types: The types of the reference's columns.
        is_text: Whether its files say nothing of types.

    Raises:
        ValidationError: With the slice, the character and the reason.
    """
    contracts = {
        name: Contract(kind, _value_type(types[name], is_text=is_text))
        for name, kind in features.items()
    }
    for each in slices:
        try:
            check_condition(_parse(each), contracts)
        except BadCondition as error:
            refused = bad_slice(each["name"], error)
            raise ValidationError({"slices": refused.messages}) from error


def _value_type(data_type: pa.DataType, *, is_text: bool) -> ValueType:
    found = value_type_of(data_type)
    return ValueType.UNTYPED if is_text and found is ValueType.TEXT else found


def wheres_of(slices: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The condition of each slice by its name."""
    return {each["name"]: each["where"] for each in slices}
