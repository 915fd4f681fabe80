"""Checks the slices of a monitor: their names, their conditions, and the features that these name."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from django.core.exceptions import ValidationError

from algorithms.columns import FeatureKind
from algorithms.slices.slice_conditions import BadCondition
from algorithms.slices.slice_contracts import Contract, check_condition
from algorithms.slices.slice_forms import (
    BadSlice,
    bad_slice,
    check_form,
    check_not_sensitive,
    parse,
)
from algorithms.value_types import ValueType, value_type_of


def checked_slices(slices: Any) -> list[dict[str, str]]:
    """At most 20 slices, each with a name of its own and a condition: `{"name": "far", "where": "distance > 1000"}`.

    Raises:
        ValidationError: With the slice, and the character at which its condition goes wrong.
    """
    try:
        return check_form(slices)
    except BadSlice as error:
        raise ValidationError(str(error)) from error


def refuse_sensitive(slices: Sequence[Mapping[str, str]], sensitive: Sequence[str]) -> None:
    """Check that no condition holds a value of a sensitive feature, as it would be shown.

    Raises:
        ValidationError: With the slice and the feature.
    """
    try:
        check_not_sensitive(slices, sensitive)
    except BadSlice as error:
        raise ValidationError({"slices": str(error)}) from error


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
            check_condition(parse(each), contracts)
        except BadCondition as error:
            refused = bad_slice(each["name"], error)
            raise ValidationError({"slices": str(refused)}) from error


def _value_type(data_type: pa.DataType, *, is_text: bool) -> ValueType:
    found = value_type_of(data_type)
    return ValueType.UNTYPED if is_text and found is ValueType.TEXT else found
