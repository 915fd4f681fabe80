"""Draws the reference's and the current distribution of one feature over each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .labels import MARGIN, row_label, space_for
from .scales import Scale, scale_of, short
from .svg import Markup, chart, element, text, titled

WIDTH, HEIGHT = 720.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 8.0, 8.0, 12.0, 24.0
TAIL = 34.0
"""The width of a tail, in which all values beyond the axis are counted."""
TICK, TICK_SPACE = 18.0, 80.0
"""The distance of the axis to its numbers, and the room that each of them has."""
ROW, BAR = 30.0, 11.0
NARROWEST = 6.0
"""A narrower cell is drawn together with the next: its few rows would make a spike of chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericShares:
    """A numeric feature's shares on the same cells.

    Attributes:
        edges: The ends of the cells from the lowest to the highest, one more than shares; the first and
            the last are the least and the greatest value of both windows.
        reference: A share for each cell.
        current: Likewise; None to draw the reference alone.
        low: Where the axis begins; cells below it are one tail.
        high: Where it ends.
    """

    edges: Sequence[float]
    reference: Sequence[float]
    current: Sequence[float] | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CategoryShare:
    """One category's shares, None where unknown."""

    name: str
    reference: float | None
    current: float | None
    style: str = ""


@dataclass(frozen=True, slots=True)
class _Bin:
    start: float
    end: float
    reference: float
    current: float | None

    def title(self) -> str:
        current = "" if self.current is None else f", current {self.current:.1%}"
        return f"{short(self.start)} to {short(self.end)}: reference {self.reference:.1%}{current}"

    @property
    def shares(self) -> list[tuple[float, str]]:
        """The shares that there are, each with its style."""
        pairs = ((self.reference, "reference"), (self.current, "current"))
        return [(share, style) for share, style in pairs if share is not None]


def numeric_distribution(
    shown: NumericShares, *, label: str, width: float = WIDTH, height: float = HEIGHT
) -> Markup:
    """Shares per unit of the feature, the reference filled and the current window as bars over it.

    Values beyond the axis are counted in a tail at each side, whose height is their share.

    Args:
        shown: The shares.
        label: The words of a screen reader.
        width: In units of the drawing, in which letters have a fixed size.
        height: Likewise.
    """
    bins = _bins(shown)
    inner = [each for each in bins if shown.low <= each.start and each.end <= shown.high]
    below = _sum([each for each in bins if each not in inner and each.start < shown.low])
    above = _sum([each for each in bins if each not in inner and each.start >= shown.low])
    x = Scale(shown.low, shown.high, LEFT + TAIL, width - RIGHT - TAIL)
    bars = _widened(inner, x)
    densest = max((_density(each, share) for each in bars for share, _ in each.shares), default=1)
    y = Scale(0.0, densest or 1.0, height - BOTTOM, TOP)
    drawn = [
        *(part for each in bars for part in _cell(each, x, y)),
        *_tail(below, LEFT, "below", y),
        *_tail(above, width - RIGHT - TAIL + 6, "above", y),
        *_axis(x, y),
    ]
    return chart(*drawn, width=width, height=height, label=label, kind="distribution")


def _bins(shown: NumericShares) -> list[_Bin]:
    current = [None] * len(shown.reference) if shown.current is None else shown.current
    cells = zip(pairwise(shown.edges), shown.reference, current, strict=True)
    return [_Bin(start, end, usual, now) for (start, end), usual, now in cells]


def _sum(bins: Sequence[_Bin]) -> _Bin | None:
    """Several cells as one; None if they hold nothing."""
    reference, current = sum(each.reference for each in bins), _total(bins)
    if not reference and not current:
        return None
    return _Bin(bins[0].start, bins[-1].end, reference, current)


def _total(bins: Sequence[_Bin]) -> float | None:
    """The current share of several cells; None where there is none."""
    shares = [each.current for each in bins if each.current is not None]
    return sum(shares) if shares else None


def _widened(bins: Sequence[_Bin], x: Scale) -> list[_Bin]:
    """Cells of which none is narrow, except a last one."""
    found: list[_Bin] = []
    for each in bins:
        last = found[-1] if found else None
        if last is not None and x.place(last.end) - x.place(last.start) < NARROWEST:
            found[-1] = _joined(last, each)
        else:
            found.append(each)
    return found


def _joined(first: _Bin, last: _Bin) -> _Bin:
    reference = first.reference + last.reference
    return _Bin(first.start, last.end, reference, _total([first, last]))


def _density(each: _Bin, share: float) -> float:
    return share / (each.end - each.start) if each.end > each.start else 0.0


def _cell(each: _Bin, x: Scale, y: Scale) -> Iterable[Markup]:
    left, right = x.place(each.start), x.place(each.end)
    parts = [
        _bar(left, right - left, y.place(_density(each, share)), y.start, style)
        for share, style in each.shares
    ]
    yield titled(Markup("".join(parts)), each.title())


def _bar(x: float, width: float, top: float, base: float, style: str) -> Markup:
    size = {"width": max(width, 0.5), "height": base - top}
    return element("rect", x=x, y=top, **size, class_=f"bar-{style}")


def _tail(each: _Bin | None, x: float, side: str, y: Scale) -> Iterable[Markup]:
    """Two bars, as high as their shares of all rows."""
    if each is None:
        return
    base, tall = y.start, y.start - y.end
    width = (TAIL - 10) / 2
    bars = [
        _bar(x + place * (width + 2), width, base - tall * min(share, 1.0), base, style)
        for place, (share, style) in enumerate(each.shares)
    ]
    yield titled(Markup("".join(bars)), each.title())
    yield text(side, x + width + 1, base + TICK, anchor="middle", class_="tick")


def _axis(x: Scale, y: Scale) -> Iterable[Markup]:
    base = y.start
    yield element("line", x1=x.start, x2=x.end, y1=base, y2=base, class_="axis")
    for value in x.ticks(round((x.end - x.start) / TICK_SPACE)):
        place = x.place(value)
        yield element("line", x1=place, x2=place, y1=base, y2=base + 4, class_="axis")
        yield text(short(value), place, base + TICK, anchor="middle", class_="tick")


def category_distribution(
    categories: Sequence[CategoryShare], *, label: str, width: float = WIDTH
) -> Markup:
    """Two bars for each category: the reference's share above the current one."""
    side = space_for(each.name for each in categories)
    known = [share for each in categories for share in (each.reference, each.current)]
    x = Scale(0.0, max((share for share in known if share), default=1.0), side, width - 52)
    drawn = [part for index, each in enumerate(categories) for part in _category(each, index, x)]
    height = len(categories) * ROW + 8
    return chart(*drawn, width=width, height=height, label=label, kind="distribution")


def _category(each: CategoryShare, index: int, x: Scale) -> Iterable[Markup]:
    top = 4 + index * ROW
    yield row_label(each.name, x.start - MARGIN, top + 15, style=each.style)
    pairs = ((each.reference, "reference"), (each.current, "current"))
    for place, (share, style) in enumerate(pairs):
        if share is None:
            continue
        y, width = top + place * (BAR + 1), x.place(share) - x.start
        bar = element(
            "rect", x=x.start, y=y, width=max(width, 0.5), height=BAR, class_=f"bar-{style}"
        )
        words = text(f"{share:.1%}", x.start + width + 5, y + 9, class_="tick")
        yield titled(bar, f"{each.name}: {style} {share:.2%}")
        yield words


def axis_of(quantiles: Sequence[float | None]) -> tuple[float, float]:
    """The ends of an axis over some quantiles, at least a little apart."""
    scale = scale_of(quantiles, 0.0, 1.0, margin=0.0)
    return scale.low, scale.high
