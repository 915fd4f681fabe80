"""Checks the form of slices: their names, and that each condition can be read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..storable_text import is_storable
from .parsing import parse_condition
from .slice_conditions import BadCondition, Condition, columns_of

MOST_SLICES = 20
LONGEST_SLICE_NAME = 100
KEYS = frozenset({"name", "where"})


class BadSlice(ValueError):
    """A slice is wrong, or there are too many; the text says which, and why."""


def check_form(slices: Any) -> list[dict[str, str]]:
    """Slices, each with a name of its own and a condition that can be read.

    Raises:
        BadSlice: With the slice, and the character at which its condition goes wrong.
    """
    if not isinstance(slices, list) or not all(map(_is_slice, slices)):
        raise BadSlice("slices must be a list of objects, each with the texts name and where.")
    if len(slices) > MOST_SLICES:
        raise BadSlice(f"slices must be at most {MOST_SLICES}.")
    checked = [{"name": each["name"].strip(), "where": each["where"].strip()} for each in slices]
    names = [each["name"] for each in checked]
    for name in names:
        _check_name(name)
    if len(set(names)) < len(names):
        raise BadSlice("slices must have names that differ.")
    for each in checked:
        parse(each)
    return checked


def _is_slice(each: Any) -> bool:
    return (
        isinstance(each, dict)
        and set(each) == KEYS
        and all(isinstance(text, str) and is_storable(text) for text in each.values())
    )


def _check_name(name: str) -> None:
    if not 0 < len(name) <= LONGEST_SLICE_NAME:
        raise BadSlice(f"A slice's name must have 1 to {LONGEST_SLICE_NAME} characters.")


def parse(each: Mapping[str, str]) -> Condition:
    """The condition of a slice.

    Raises:
        BadSlice: If it cannot be read.
    """
    try:
        return parse_condition(each["where"])
    except BadCondition as error:
        raise bad_slice(each["name"], error) from error


def bad_slice(name: str, error: BadCondition) -> BadSlice:
    """The refusal of a slice by its name, with the character and the reason."""
    return BadSlice(f"The condition of slice {name!r} is wrong {error}")


def check_not_sensitive(slices: Sequence[Mapping[str, str]], sensitive: Iterable[str]) -> None:
    """Check that no condition holds a value of a sensitive feature, as it would be shown.

    Raises:
        BadSlice: With the slice and the feature.
    """
    hidden = set(sensitive)
    for each in slices:
        if named := sorted(hidden.intersection(columns_of(parse(each)))):
            reason = f"must not name sensitive features, such as {named[0]}."
            raise BadSlice(f"The condition of slice {each['name']!r} {reason}")


def wheres_of(slices: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The condition of each slice by its name."""
    return {each["name"]: each["where"] for each in slices}
