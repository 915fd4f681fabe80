"""What a notebook shows of a comparison, as the parser of the standard library reads it."""

import re
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
import pytest

from algorithms.library import Comparison, compare

HOSTILE = "<img src=x onerror=alert(1)>"
VOID = {"meta", "br", "img"}


class Balanced(HTMLParser):
    """Fails at an end tag that closes no open element of its name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    before = pa.table({"word": ["a", "b"] * 500, "x": [*map(float, range(1000))]})
    after = pa.table({"word": ["a", HOSTILE] * 500, "x": [*map(float, range(400, 1400))]})
    return compare(before, after)


def test_repr_html__drift__is_one_element_with_a_picture_of_each_feature(
    comparison: Comparison,
) -> None:
    shown = Balanced(comparison._repr_html_())
    assert shown.open == []
    assert shown.tags[0] == "div"
    assert (shown.tags.count("svg"), shown.tags.count("script")) == (2, 0)


def test_repr_html__hostile_category__is_text(comparison: Comparison) -> None:
    shown = Balanced(comparison._repr_html_())
    assert "img" not in shown.tags
    assert any(HOSTILE in each for each in shown.words)


def test_repr_html__rules_of_style__stay_inside(comparison: Comparison) -> None:
    own = comparison._repr_html_().partition("<style>")[2].partition("</style>")[0]
    assert own.count("{") == own.count("}")
    depth, outside = 0, ""
    for letter in own:
        depth += (letter == "{") - (letter == "}")
        outside += letter if depth == 0 else ""
    selectors = re.sub(r"/\*.*?\*/", "", outside).split()
    assert selectors == [".drift-check", "}", ".drift-check", "}"]
    assert ":root" not in own


def test_repr__drift__says_what_the_command_says(comparison: Comparison) -> None:
    assert "Verdict: drift. 2 of 2 features drifted" in repr(comparison)
