"""Draws a heat map: a row per feature, a column per window, the effect as a multiple of its tolerance."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .labels import MARGIN, row_label, space_for
from .scales import spread_out
from .svg import NO_TEXT, Markup, at, chart, diamond, element, joined, text, titled

CELL = 20.0
GAP = 2.0
TOP, BOTTOM = 4.0, 22.0
LABEL_SPACE = 64.0
LEVELS = (0.1, 0.25, 0.5, 0.75, 1.0, 2.0)
"""Where the shades change; a cell of shade 6 is twice the tolerance or more."""


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One feature in one window.

    Attributes:
        ratio: The effect as a multiple of its tolerance; None if it is unknown.
        verdict: As the API names it; None where the window holds nothing of the feature.
        title: What the tooltip says.
        href: Where a click leads.
    """

    ratio: float | None
    verdict: str | None
    title: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A feature with its cells, one for each column."""

    label: str
    cells: Sequence[HeatCell]
    href: str | None = None


def heat_map(rows: Sequence[HeatRow], columns: Sequence[str], *, label: str) -> Markup:
    """A heat map; drift is a diamond, an error a cross, too little data a ring, no data a dash.

    Args:
        rows: From the top.
        columns: A short text for each window; those that fit are written under the map.
        label: What a screen reader says of it.
    """
    side = space_for(row.label for row in rows)
    step = CELL + GAP
    bottom = TOP + len(rows) * step
    drawn = [
        *(_row(row, side, TOP + index * step) for index, row in enumerate(rows)),
        *_column_labels(columns, side, bottom + 14),
    ]
    width = side + max(len(columns) * step, 120.0) + LABEL_SPACE / 2
    return chart(*drawn, width=width, height=bottom + BOTTOM, label=label, kind="heat")


def _row(row: HeatRow, side: float, y: float) -> Markup:
    name = row_label(row.label, side - MARGIN, y + 14, href=row.href)
    cells = (_cell(cell, side + place * (CELL + GAP), y) for place, cell in enumerate(row.cells))
    return element("g", name, *cells)


def _cell(cell: HeatCell, x: float, y: float) -> Markup:
    if cell.verdict is None:
        return NO_TEXT
    square = element("rect", x=x, y=y, width=CELL, height=CELL, rx=3, class_=f"heat-{_shade(cell)}")
    return titled(joined([square, _mark(cell.verdict, x, y)]), cell.title, href=cell.href)


def _shade(cell: HeatCell) -> str:
    if cell.verdict not in ("ok", "drift"):
        return "none"
    ratio = cell.ratio or 0.0
    level = sum(ratio >= limit for limit in LEVELS)
    return f"drift-{max(level, 5)}" if cell.verdict == "drift" else f"ok-{min(level, 5)}"


def _mark(verdict: str, x: float, y: float) -> Markup:
    """The shape of a verdict, in the middle of a cell at (x, y)."""
    cx, cy = x + CELL / 2, y + CELL / 2
    if verdict == "drift":
        return diamond(cx, cy, 5, class_="m-drift")
    if verdict == "error":
        arms = (
            f"M{at(cx - 4, cy - 4)}L{at(cx + 4, cy + 4)}M{at(cx + 4, cy - 4)}L{at(cx - 4, cy + 4)}"
        )
        return _path(arms, "m-error")
    if verdict == "insufficient_data":
        return element("circle", cx=cx, cy=cy, r=3.5, class_="m-few")
    if verdict == "no_data":
        return _path(f"M{at(cx - 4, cy)}L{at(cx + 4, cy)}", "m-none")
    return NO_TEXT


def _path(d: str, class_: str) -> Markup:
    return element("path", d=d, class_=class_)


def _column_labels(columns: Sequence[str], side: float, y: float) -> Iterable[Markup]:
    places = [side + index * (CELL + GAP) for index in range(len(columns))]
    for index in spread_out(places, least=LABEL_SPACE):
        yield text(columns[index], places[index], y, class_="tick")
