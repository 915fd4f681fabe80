"""The names beside the rows of a chart."""

from collections.abc import Iterable

from .svg import Markup, text, titled

LETTER = 7.0
"""The width of a letter, about."""
LONGEST = 28
MARGIN = 8.0


def space_for(labels: Iterable[str]) -> float:
    """The width that the labels of rows need."""
    return max((len(_cut(label)) for label in labels), default=0) * LETTER + 2 * MARGIN


def row_label(
    label: str, x: float, y: float, *, href: str | None = None, style: str = ""
) -> Markup:
    """A label that ends at `x`, cut if it is long; the tooltip has all of it."""
    words = text(_cut(label), x, y, anchor="end", class_=f"label {style}".strip())
    return titled(words, label, href=href)


def left_label(label: str, x: float, y: float, *, href: str | None = None) -> Markup:
    """A label that begins at `x`, otherwise as `row_label`."""
    return titled(text(_cut(label), x, y, class_="label"), label, href=href)


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
