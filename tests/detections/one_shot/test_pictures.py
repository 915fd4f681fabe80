"""What the one-shot command shows of distributions, and why a feature has drifted."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.detections.one_shot.test_check_drift import check

HOSTILE = "<img src=x onerror=alert(1)>"
VALUES = np.arange(1000.0)
FOREIGN = re.compile(r"(src|href)=|https?://|@import|url\(")


class Elements(HTMLParser):
    """The elements of a page, as a parser of the standard library finds them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture
def sides(tmp_path: Path) -> list[Path]:
    """A reference and a window with new categories, more nulls and larger numbers."""
    before = {"number": VALUES, "word": ["AA", "UA"] * 500, "same": VALUES % 7}
    gaps = [None if place % 4 == 0 else value + 600 for place, value in enumerate(VALUES)]
    after = {"number": pa.array(gaps), "word": ["AA", HOSTILE] * 500, "same": VALUES % 7}
    paths = [tmp_path / "before.parquet", tmp_path / "after.parquet"]
    for path, columns in zip(paths, (before, after), strict=True):
        pq.write_table(pa.table(columns), path)
    return paths


def test_html__drift__shows_a_picture_of_each_feature(sides: list[Path]) -> None:
    page = Elements(check(*sides, "--format", "html")[0])
    assert page.tags.count("svg") == 3
    assert page.tags.count("details") == 3


def test_html__drift__says_why_with_examples_nulls_and_range(sides: list[Path]) -> None:
    text = " ".join(Elements(check(*sides, "--format", "html")[0]).words)
    assert f"new 50 %: {HOSTILE}" in text
    assert "null 0 % → 25 %" in text
    assert "above 999: 60 %" in text


def test_html__hostile_category__is_text(sides: list[Path]) -> None:
    page = Elements(check(*sides, "--format", "html")[0])
    assert "img" not in page.tags
    assert any(HOSTILE in each for each in page.words)


def test_html__pictures__ask_for_nothing_and_have_both_themes(sides: list[Path]) -> None:
    page = check(*sides, "--format", "html")[0]
    assert "prefers-color-scheme: dark" in page
    assert ".dark" not in page
    assert FOREIGN.search(page.replace("src=x", "")) is None


def test_table__drift__has_a_short_why(sides: list[Path]) -> None:
    lines = check(*sides)[0].splitlines()
    [number] = [line for line in lines if line.startswith("number ")]
    assert lines[0].split()[-1] == "why"
    assert "null 0 % → 25 %" in number
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("form", ["html", "table", "json"])
def test_sensitive__any_form__holds_no_value(sides: list[Path], form: str) -> None:
    hidden = ["--sensitive", "number", "--sensitive", "word"]
    text, code = check(*sides, "--format", form, *hidden)
    assert code == 1
    assert not re.search(r"onerror|\bUA\b|\b999\b|\b1599\b", text)
    assert re.search(r"onerror|\bUA\b", check(*sides, "--format", form)[0])
