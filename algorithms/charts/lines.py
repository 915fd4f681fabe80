"""Draws values over time: a line with its interval, limits, other lines beside it, and marked points."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from .scales import Scale, scale_of, short, spread_out
from .svg import Markup, at, chart, diamond, element, text, titled

WIDTH, HEIGHT = 720.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 12.0, 10.0, 24.0
LABEL_SPACE = 84.0
HEAD = 12.0
"""What a label above a limit needs."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time.

    Attributes:
        at: With its zone; labels show it as it is.
        value: None for a gap.
        lower: The lower end of its interval.
        upper: The upper end.
        mark: A class of a marked point, as `drift` or `warning`; empty for none.
        title: What the tooltip says.
        href: Where a click leads.
    """

    at: datetime
    value: float | None
    lower: float | None = None
    upper: float | None = None
    mark: str = ""
    title: str = ""
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A series of points.

    Attributes:
        name: What it is.
        points: The oldest first.
        style: A class: `main`, `estimate`, `reference`, `faint`.
    """

    name: str
    points: Sequence[Point]
    style: str = "main"


@dataclass(frozen=True, slots=True)
class Level:
    """A straight line across the chart, as a limit."""

    value: float
    name: str
    style: str = "limit"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that is marked from top to bottom, as a change point."""

    at: datetime
    title: str
    style: str = "change"
    href: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """The content of a chart of values over time."""

    label: str
    lines: Sequence[Line]
    levels: Sequence[Level] = ()
    moments: Sequence[Moment] = ()
    date_format: str = "%Y-%m-%d"
    from_zero: bool = False  # for values that are never negative
    height: float = HEIGHT
    width: float = field(default=WIDTH)


def line_chart(shown: LineChart) -> Markup:
    """The chart as SVG."""
    points = [point for line in shown.lines for point in line.points]
    times = [point.at.timestamp() for point in points] + [
        each.at.timestamp() for each in shown.moments
    ]
    x = scale_of(times, LEFT, shown.width - RIGHT, margin=0.01)
    y = scale_of(_heights(shown, points), shown.height - BOTTOM, TOP + HEAD)
    if shown.from_zero:
        y = Scale(0.0, y.high, y.start, y.end)
    drawn = [
        *_value_axis(y, shown.width),
        *_time_axis(points, x, shown),
        *(_band(line, x, y) for line in shown.lines),
        *(_moment(moment, x, shown.height) for moment in shown.moments),
        *(_level(level, y, shown.width) for level in shown.levels),
        *(_path(line, x, y) for line in shown.lines),
        *(mark for line in shown.lines for mark in _marks(line, x, y)),
    ]
    return chart(*drawn, width=shown.width, height=shown.height, label=shown.label, kind="lines")


def _heights(shown: LineChart, points: Iterable[Point]) -> list[float | None]:
    of_points = [each for point in points for each in (point.value, point.lower, point.upper)]
    return [*of_points, *(level.value for level in shown.levels)]


def _value_axis(y: Scale, width: float) -> Iterable[Markup]:
    for value in y.ticks():
        place = y.place(value)
        yield element("line", x1=LEFT, x2=width - RIGHT, y1=place, y2=place, class_="grid")
        yield text(short(value), LEFT - 6, place + 4, anchor="end", class_="tick")


def _time_axis(points: Iterable[Point], x: Scale, shown: LineChart) -> Iterable[Markup]:
    times = sorted({point.at for point in points})
    last = shown.width - LABEL_SPACE
    places = [min(x.place(each.timestamp()), last) for each in times]
    for index in spread_out(places, least=LABEL_SPACE):
        label = times[index].strftime(shown.date_format)
        yield text(label, places[index], shown.height - 6, class_="tick")


def _band(line: Line, x: Scale, y: Scale) -> Markup | None:
    """The intervals of a line, one shape for each stretch without a gap."""
    shapes = [
        "M" + "L".join([*upper, *reversed(lower)]) + "Z"
        for lower, upper in _stretches(line, x, y)
        if len(lower) > 1
    ]
    return element("path", d="".join(shapes), class_=f"band-{line.style}") if shapes else None


def _stretches(line: Line, x: Scale, y: Scale) -> list[tuple[list[str], list[str]]]:
    found: list[tuple[list[str], list[str]]] = [([], [])]
    for point in line.points:
        if point.lower is None or point.upper is None:
            found.append(([], []))
            continue
        place = x.place(point.at.timestamp())
        found[-1][0].append(at(place, y.place(point.lower)))
        found[-1][1].append(at(place, y.place(point.upper)))
    return found


def _path(line: Line, x: Scale, y: Scale) -> Markup:
    """The line itself, broken where a value is missing; a value between two gaps is a dot."""
    d, is_open = "", False
    for point, following in pairwise([*line.points, None]):
        assert point is not None
        if point.value is None:
            is_open = False
            continue
        place = at(x.place(point.at.timestamp()), y.place(point.value))
        is_alone = not is_open and (following is None or following.value is None)
        d += ("L" if is_open else "M") + place + ("h.01" if is_alone else "")
        is_open = True
    return element("path", d=d, class_=f"line-{line.style}")


def _marks(line: Line, x: Scale, y: Scale) -> Iterable[Markup]:
    for point in line.points:
        if point.value is None or not (point.mark or point.href or point.title):
            continue
        cx, cy = x.place(point.at.timestamp()), y.place(point.value)
        yield titled(_mark(point.mark, cx, cy), point.title, href=point.href)


def _mark(mark: str, cx: float, cy: float) -> Markup:
    if mark == "drift":
        return diamond(cx, cy, 6, class_="point-drift")
    return element("circle", cx=cx, cy=cy, r=4 if mark else 3, class_=f"point-{mark or 'plain'}")


def _moment(moment: Moment, x: Scale, height: float) -> Markup:
    place = x.place(moment.at.timestamp())
    bar = element(
        "line", x1=place, x2=place, y1=TOP, y2=height - BOTTOM, class_=f"moment-{moment.style}"
    )
    return titled(bar, moment.title, href=moment.href)


def _level(level: Level, y: Scale, width: float) -> Markup:
    place = y.place(level.value)
    bar = element(
        "line", x1=LEFT, x2=width - RIGHT, y1=place, y2=place, class_=f"level-{level.style}"
    )
    words = text(level.name, width - RIGHT, place - 4, anchor="end", class_=f"on-{level.style}")
    return element("g", bar, words)
