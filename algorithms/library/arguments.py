"""Checks the arguments of the library's functions, each by the name that its caller gave."""

from collections.abc import Collection, Iterable, Mapping
from numbers import Integral, Real
from typing import Any


def as_names(names: Iterable[str], argument: str) -> tuple[str, ...]:
    """The names that an argument lists, read once: also those of a generator or of a data frame's columns.

    Args:
        names: The value of the argument.
        argument: Its name.

    Raises:
        TypeError: If it is no list of texts.
    """
    if isinstance(names, str | bytes | Mapping) or not isinstance(names, Iterable):
        raise TypeError(f"{argument} must be a list of names, not {_described(names)}.")
    found = tuple(names)
    if others := [each for each in found if not isinstance(each, str)]:
        raise TypeError(
            f"{argument} must hold names as text, such as '{others[0]}', not {others[0]!r}."
        )
    return found


def _described(value: object) -> str:
    return f"the text {value!r}" if isinstance(value, str) else type(value).__name__


def check_sensitive(sensitive: Iterable[str], known: Collection[str]) -> None:
    """Check that each sensitive feature is there: a name with a mistake would protect nothing.

    Args:
        sensitive: The features of which nothing shows a value.
        known: The columns of the reference.

    Raises:
        ValueError: With the names that are no columns.
    """
    if strangers := sorted(set(sensitive).difference(known)):
        raise ValueError(
            f"sensitive must name columns of the reference, not {', '.join(strangers)}."
        )


def check_count(number: Any, argument: str) -> None:
    """Check that a number counts something.

    Raises:
        TypeError: If it is no whole number.
        ValueError: If it is not positive.
    """
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise TypeError(f"{argument} must be a whole number, not {number!r}.")
    if number < 1:
        raise ValueError(f"{argument} must be a positive number, not {number}.")


def as_sizes(sizes: Mapping[str, Any] | None, argument: str) -> dict[str, float]:
    """The sizes that an argument gives to names; none where it is None.

    Raises:
        TypeError: If it gives no numbers to names.
    """
    if sizes is not None and not isinstance(sizes, Mapping):
        raise TypeError(f"{argument} must map names to numbers, not be {_described(sizes)}.")
    found = dict(sizes or {})
    for name, size in found.items():
        if isinstance(size, bool) or not isinstance(size, Real):
            raise TypeError(f"{argument} must map names to numbers, and {name} to no {size!r}.")
    return found


def as_conditions(slices: Mapping[str, str] | None) -> dict[str, str]:
    """The conditions of slices by their names; none where it is None.

    Raises:
        TypeError: If it gives no texts to names.
    """
    if slices is not None and not isinstance(slices, Mapping):
        raise TypeError(f"slices must map names to conditions, not be {_described(slices)}.")
    found = dict(slices or {})
    if not all(isinstance(text, str) for pair in found.items() for text in pair):
        raise TypeError("slices must map names to conditions, both as text.")
    return found
