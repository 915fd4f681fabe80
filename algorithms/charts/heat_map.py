"""Draws a heat map: a row per feature, a column per window, the effect as a multiple of its tolerance."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .labels import MARGIN, left_label, row_label, space_for
from .scales import spread_out
from .svg import NO_TEXT, Markup, at, diamond, element, fixed_chart, joined, text, titled

CELL, SMALL_CELL = 20.0, 16.0
GAP = 2.0
MOST_LARGE = 40
"""The most columns that fit beside each other on a wide screen with large cells."""
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
        href: Where a click leads. The tab key stops at the cells that are not ok, as there are very many.
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
        *_column_labels(columns, side, bottom + 14, step),
    ]
    width = side + max(len(columns) * step, 120.0) + LABEL_SPACE / 2
    return fixed_chart(*drawn, size=(width, bottom + BOTTOM), label=label, kind="heat")


@dataclass(frozen=True, slots=True)
class WideHeatMap:
    """A heat map whose names stay in sight while its cells are moved sideways."""

    names: Markup
    cells: Markup


def wide_heat_map(rows: Sequence[HeatRow], columns: Sequence[str], *, label: str) -> WideHeatMap:
    """A heat map in two drawings of one height, which do not shrink with the page.

    Args:
        rows: From the top.
        columns: As for `heat_map`.
        label: Likewise.
    """
    size = CELL if len(columns) <= MOST_LARGE else SMALL_CELL
    step = size + GAP
    places = [TOP + index * step for index in range(len(rows))]
    bottom = TOP + len(rows) * step
    names = [
        left_label(row.label, 0, y + size / 2 + 4, href=row.href)
        for row, y in zip(rows, places, strict=True)
    ]
    cells = [_cells(row, 0, y, size) for row, y in zip(rows, places, strict=True)]
    side = space_for(row.label for row in rows)
    width = len(columns) * step + LABEL_SPACE / 2
    labels = _column_labels(columns, 0, bottom + 14, step)
    return WideHeatMap(
        names=fixed_chart(
            *names, size=(side, bottom + BOTTOM), label=f"{label}: names", kind="heat"
        ),
        cells=fixed_chart(*cells, *labels, size=(width, bottom + BOTTOM), label=label, kind="heat"),
    )


def _row(row: HeatRow, side: float, y: float) -> Markup:
    name = row_label(row.label, side - MARGIN, y + 14, href=row.href)
    return element("g", name, _cells(row, side, y, CELL))


def _cells(row: HeatRow, side: float, y: float, size: float) -> Markup:
    step = size + GAP
    return joined(_cell(cell, side + place * step, y, size) for place, cell in enumerate(row.cells))


def _cell(cell: HeatCell, x: float, y: float, size: float) -> Markup:
    if cell.verdict is None:
        return NO_TEXT
    square = element("rect", x=x, y=y, width=size, height=size, rx=3, class_=f"heat-{_shade(cell)}")
    mark = _mark(cell.verdict, x + size / 2, y + size / 2)
    return titled(joined([square, mark]), cell.title, href=cell.href, is_stop=cell.verdict != "ok")


def _shade(cell: HeatCell) -> str:
    if cell.verdict not in ("ok", "drift"):
        return "none"
    ratio = cell.ratio or 0.0
    level = sum(ratio >= limit for limit in LEVELS)
    return f"drift-{max(level, 5)}" if cell.verdict == "drift" else f"ok-{min(level, 5)}"


def _mark(verdict: str, cx: float, cy: float) -> Markup:
    """The shape of a verdict around a place."""
    if verdict == "drift":
        return diamond(cx, cy, 5, class_="m-drift")
    if verdict == "error":
        arms = (
            f"M{at(cx - 4, cy - 4)}L{at(cx + 4, cy + 4)}M{at(cx + 4, cy - 4)}L{at(cx - 4, cy + 4)}"
        )
        return _path(arms, "m-error")
    if verdict in ("insufficient_data", "unsupported"):
        return element("circle", cx=cx, cy=cy, r=3.5, class_="m-few")
    if verdict == "no_data":
        return _path(f"M{at(cx - 4, cy)}L{at(cx + 4, cy)}", "m-none")
    return NO_TEXT


def _path(d: str, class_: str) -> Markup:
    return element("path", d=d, class_=class_)


def _column_labels(columns: Sequence[str], side: float, y: float, step: float) -> Iterable[Markup]:
    places = [side + index * step for index in range(len(columns))]
    for index in spread_out(places, least=LABEL_SPACE):
        yield text(columns[index], places[index], y, class_="tick")
