"""Refuses names that the service does not know, and says the nearest one that it knows."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

LONGEST_SHOWN = 60


def unknown_names(given: Iterable[str], known: Collection[str], *, what: str) -> dict[str, str]:
    """One sentence for each given name that is not known.

    Args:
        given: Names as they were sent.
        known: Names that exist.
        what: What the names are, such as "field".
    """
    unknown = sorted(set(given) - set(known))
    return {name: _sentence(name, known, what) for name in unknown}


def _sentence(name: str, known: Collection[str], what: str) -> str:
    shown = name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…"
    if near := get_close_matches(name, known, n=1):
        return f"There is no {what} {shown!r}; the nearest is {near[0]!r}."
    if not known:
        return f"There is no {what} {shown!r}; none is taken here."
    return f"There is no {what} {shown!r}; known are {', '.join(sorted(known))}."
