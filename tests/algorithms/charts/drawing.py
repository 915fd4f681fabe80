"""Reads a chart as a browser does: through an XML parser."""

from xml.etree import ElementTree


def parse(chart: str) -> ElementTree.Element:
    """The chart's root; fails if the chart is not well formed."""
    return ElementTree.fromstring(chart)


def with_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """The elements of a class, in their order."""
    return [each for each in root.iter() if name in each.get("class", "").split()]


def titles(root: ElementTree.Element) -> list[str]:
    """All tooltips."""
    return [each.text or "" for each in root.iter("title")]


def texts(root: ElementTree.Element) -> list[str]:
    """All written words."""
    return [each.text or "" for each in root.iter("text")]


def number(element: ElementTree.Element, attribute: str) -> float:
    """An attribute that is a number."""
    return float(element.attrib[attribute])
