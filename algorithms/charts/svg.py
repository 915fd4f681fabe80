"""Writes SVG and HTML elements; every text and attribute is escaped here and nowhere else."""

from collections.abc import Iterable, Mapping
from functools import cache
from html import escape


class Markup(str):
    """Text that is already escaped; templates of Django put it in as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


type Child = str | Markup | None
type Attribute = str | float | None

NO_TEXT = Markup("")


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """An SVG element.

    Args:
        tag: Its name.
        children: Elements, or text, which is escaped; None is left out.
        attributes: `_` in a name stands for `-`, and one at the end is dropped (`class_`). Numbers are
            written with two decimals at most; None is left out.
    """
    written, inside = written_attributes(attributes), joined(children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>" if inside else f"<{tag}{written}/>")


def written_attributes(attributes: Mapping[str, Attribute]) -> str:
    """Attributes as they follow the name of an element; see `element`."""
    return "".join(_attribute(name, value) for name, value in attributes.items())


def html(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """An HTML element, which has an end tag also when it is empty; otherwise as `element`."""
    written, inside = written_attributes(attributes), joined(children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>")


def joined(children: Iterable[Child]) -> Markup:
    """Elements and texts one after another."""
    return Markup("".join(_escaped(child) for child in children if child is not None))


def _escaped(child: str) -> str:
    return child if isinstance(child, Markup) else escape(child)


def _attribute(name: str, value: Attribute) -> str:
    if value is None:
        return ""
    text = escape(value) if isinstance(value, str) else decimals(value)
    return f' {_written(name)}="{text}"'


@cache
def _written(name: str) -> str:
    """The name of an attribute as SVG has it."""
    return name.rstrip("_").replace("_", "-")


def decimals(number: float) -> str:
    """A coordinate with two decimals at most."""
    return f"{number:.2f}".rstrip("0").rstrip(".") if number % 1 else f"{number:.0f}"


def chart(*children: Child, width: float, height: float, label: str, kind: str) -> Markup:
    """The root of a chart, which shrinks with the page.

    Args:
        children: Its elements.
        width: In units of the drawing.
        height: Likewise.
        label: What a screen reader says of it.
        kind: The class of the chart, after `plot-`.
    """
    return element("svg", *children, **_root(children, (width, height), label, kind))


def fixed_chart(*children: Child, size: tuple[float, float], label: str, kind: str) -> Markup:
    """The root of a chart that keeps its size in pixels; otherwise as `chart`."""
    width, height = size
    attributes = _root(children, size, label, kind)
    return element("svg", *children, width=width, height=height, **attributes)


def _root(
    children: Iterable[Child], size: tuple[float, float], label: str, kind: str
) -> dict[str, str]:
    return {
        "class_": f"plot plot-{kind}",
        "viewBox": f"0 0 {decimals(size[0])} {decimals(size[1])}",
        "role": "group" if "href=" in joined(children) else "img",
        "aria_label": label,
    }


def text(words: str, x: float, y: float, *, anchor: str = "start", class_: str = "") -> Markup:
    """A text at a place; `anchor` is `start`, `middle` or `end`."""
    return element("text", words, x=x, y=y, text_anchor=anchor, class_=class_ or None)


def titled(child: Markup, title: str, *, href: str | None = None, is_stop: bool = True) -> Markup:
    """An element with a tooltip, inside a link if there is an address.

    Args:
        child: The element.
        title: The tooltip.
        href: The address.
        is_stop: False for one of very many links, which the tab key passes by.
    """
    named = element("title", title)
    if href is None:
        return element("g", named, child)
    tabindex = None if is_stop else "-1"
    return element("a", named, child, href=href, aria_label=title, tabindex=tabindex)


def at(x: float, y: float) -> str:
    """A place in a path."""
    return f"{decimals(x)} {decimals(y)}"


def diamond(cx: float, cy: float, radius: float, *, class_: str) -> Markup:
    """The shape of drift."""
    corners = (
        at(cx, cy - radius),
        at(cx + radius, cy),
        at(cx, cy + radius),
        at(cx - radius, cy),
    )
    return element("path", d=f"M{'L'.join(corners)}Z", class_=class_)
