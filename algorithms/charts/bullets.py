"""Draws a row for each feature: how large its effect usually is, and beside it the lines it is measured against."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .labels import LETTER, MARGIN, row_label, space_for
from .scales import Scale, short
from .svg import Markup, chart, element, text, titled

WIDTH, ROW, BAR = 720.0, 26.0, 12.0
BOTTOM = 22.0


@dataclass(frozen=True, slots=True)
class Bullet:
    """One row.

    Attributes:
        label: What is measured.
        value: The length of the bar; None for none.
        marks: Lines across the bar, by their class: `limit` (the tolerance), `visible` (the smallest
            visible change).
        style: The class of the bar.
        title: What the tooltip says.
        href: Where a click on the label leads.
        note: What is written at the end of the row.
    """

    label: str
    value: float | None
    marks: dict[str, float] = field(default_factory=dict)
    style: str = "usual"
    title: str = ""
    href: str | None = None
    note: str = ""


def bullets(rows: Sequence[Bullet], *, label: str) -> Markup:
    """All rows on one scale from zero."""
    side = space_for(row.label for row in rows)
    known = [each for row in rows for each in (row.value or 0.0, *row.marks.values())]
    notes = max((len(row.note) for row in rows), default=0) * LETTER
    x = Scale(0.0, max(known, default=0.0) or 1.0, side, WIDTH - 16 - notes)
    bottom = len(rows) * ROW + 4
    drawn = [
        *_grid(x, bottom),
        *(part for index, row in enumerate(rows) for part in _row(row, 2 + index * ROW, x)),
    ]
    return chart(*drawn, width=WIDTH, height=bottom + BOTTOM, label=label, kind="bullets")


def _grid(x: Scale, bottom: float) -> Iterable[Markup]:
    for value in x.ticks(6):
        place = x.place(value)
        yield element("line", x1=place, x2=place, y1=0, y2=bottom, class_="grid")
        yield text(short(value), place, bottom + 14, anchor="middle", class_="tick")


def _row(row: Bullet, top: float, x: Scale) -> Iterable[Markup]:
    yield row_label(row.label, x.start - MARGIN, top + 13, href=row.href)
    parts = [
        element(
            "line",
            x1=x.place(each),
            x2=x.place(each),
            y1=top,
            y2=top + BAR + 8,
            class_=f"mark-{name}",
        )
        for name, each in row.marks.items()
    ]
    if row.value is not None:
        width = max(x.place(row.value) - x.start, 1.0)
        bar = element(
            "rect",
            x=x.start,
            y=top + 4,
            width=width,
            height=BAR,
            rx=2,
            class_=f"bullet-{row.style}",
        )
        parts.insert(0, bar)
    yield titled(Markup("".join(parts)), row.title or row.label)
    if row.note:
        yield text(row.note, WIDTH - 4, top + 13, anchor="end", class_="note")
