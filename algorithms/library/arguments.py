"""Checks the arguments of the library's functions, each by the name that its caller gave."""

from collections.abc import Collection, Iterable, Mapping


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
        raise TypeError(f"{argument} must name its columns or methods as text, not {others[0]!r}.")
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
