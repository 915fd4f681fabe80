"""YAML has the words of JSON, and what is written is read back as it was."""

import json
import re
import sys
from io import BytesIO, TextIOWrapper
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drift_detector.commands.document_files import read_json, read_yaml, write_yaml

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"), ("No", "No"), ("on", "on"), ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"), ("12:30", "12:30"), ("017", "017"), ("0x1F", "0x1F"),
        ("1_000", "1_000"), (".5", ".5"), (".inf", ".inf"), ("+1", "+1"), ("P7D", "P7D"),
        ("1e-3", 0.001), ("-1.5", -1.5), ("7", 7), ("true", True), ("null", None), ("~", None), ("", None),
        ("'1'", "1"),
    ],
)  # fmt: skip
def test_read_yaml__plain_word__is_what_json_says(written: str, value: Any) -> None:
    read = read_yaml(f"x: {written}")["x"]
    assert (read, type(read)) == (value, type(value))


@given(VALUES)
def test_read_yaml__json__has_the_values_of_json(value: Any) -> None:
    text = json.dumps({"x": value}, ensure_ascii=False)
    assert repr(read_yaml(text)) == repr(json.loads(text))


@given(VALUES)
def test_write_yaml__any_value__is_read_back(value: Any) -> None:
    assert repr(read_yaml(write_yaml({"x": value}))) == repr({"x": value})


@given(TEXTS)
def test_write_yaml__text__is_text_to_readers_of_yaml_1_1_too(text: str) -> None:
    assert yaml.safe_load(write_yaml({"x": text})) == {"x": text}


def test_read_yaml__merged_settings__may_be_stated_again() -> None:
    text = "base: &base {a: 1, b: 2}\nown: {<<: *base, b: 3}"
    assert read_yaml(text)["own"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' is there twice."),
        ("? [a]\n: 1", "line 1, column 3: a key must be text."),
        ("a: !!python/object/apply:os.system ['x']", "line 1, column 4: could not determine a constructor"),
        ("a: 1\n---\nb: 2", "line 2, column 1: but found another document."),
        ("a: *b", "line 1, column 4: found undefined alias 'b'."),
    ],
)  # fmt: skip
def test_read_yaml__wrong__says_the_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        read_yaml(text)


def test_write_yaml__letters_that_the_output_lacks__are_escaped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(BytesIO(), encoding="ascii"))
    written = write_yaml({"x": "Größe"})
    assert written.isascii()
    assert yaml.safe_load(written) == {"x": "Größe"}


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": NaN}', "{"])
def test_read_json__wrong__is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"twice|no number|line 1"):
        read_json(text)
