"""The grammar of conditions: what is read, and where a wrong one goes wrong."""

import pytest

from algorithms.slices.parsing import DEEPEST, MOST_TERMS, MOST_VALUES, parse_condition
from algorithms.slices.slice_conditions import BadCondition, columns_of

WRONG = [
    ("", 1, "name of a column"),
    ("a", 2, "not the end"),
    ("a =", 4, "a text in single quotes"),
    ("a = b", 5, "not ‘b’"),
    ("a = 'x", 5, "no closing quote"),
    ('"a = 1', 1, "no closing quote"),
    ("a in ()", 7, "A number"),
    ("a in ('x'", 10, "is needed here"),
    ("(a = 1", 7, "is needed here"),
    ("a = 1)", 6, "‘and’, ‘or’ or the end"),
    ("a = 1 b = 2", 7, "‘and’, ‘or’ or the end"),
    ("a not 1", 7, "‘in’ is needed"),
    ("a is 1", 6, "‘null’ is needed"),
    ("a = 1.2.3", 5, "at most one point"),
    ("a ; drop", 3, "can't stand here"),
    ("a = 1 and", 10, "name of a column"),
    ("null = 1", 1, "name of a column"),
    ("a == 1", 4, "A number"),
]


@pytest.mark.parametrize(("text", "position", "reason"), WRONG)
def test_parse_condition__wrong__names_the_character(text: str, position: int, reason: str) -> None:
    with pytest.raises(BadCondition, match=reason) as refused:
        parse_condition(text)
    assert refused.value.position == position


def test_parse_condition__columns__each_once_in_order() -> None:
    names = 'b > 1 and ("a ""b""" = '
    text = names + "'x''y' or NOT b in (1, 2)) and ü is not null"
    assert columns_of(parse_condition(text)) == ["b", 'a "b"', "ü"]


@pytest.mark.parametrize(
    "text",
    [
        "(" * (DEEPEST + 1) + "a = 1" + ")" * (DEEPEST + 1),
        "not " * (DEEPEST + 1) + "a = 1",
        " or ".join(["a=1"] * (MOST_TERMS + 1)),
        f"a in ({','.join(['1'] * (MOST_VALUES + 1))})",
        f"a = '{'x' * 1000}'",
    ],
)
def test_parse_condition__beyond_a_limit__is_refused(text: str) -> None:
    with pytest.raises(BadCondition, match="at most"):
        parse_condition(text)


def test_parse_condition__as_deep_as_allowed__is_read() -> None:
    assert columns_of(parse_condition("(" * DEEPEST + "a = 1" + ")" * DEEPEST)) == ["a"]
