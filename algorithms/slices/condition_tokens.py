"""Cuts the text of a condition into tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from .slice_conditions import BadCondition

LONGEST_CONDITION = 1000
WORDS = frozenset({"and", "or", "not", "in", "is", "null", "true", "false"})


class Kind(StrEnum):
    """The kinds of tokens."""

    TEXT = "text"
    NUMBER = "number"
    NAME = "name"
    WORD = "word"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a condition; `position` is the character at which it begins, from 1 on."""

    kind: Kind
    value: str
    position: int

    def is_one_of(self, *values: str) -> bool:
        """True for a sign or a word with one of these values."""
        return self.kind in (Kind.SIGN, Kind.WORD) and self.value in values

    @property
    def shown(self) -> str:
        """The token in a message."""
        return "the end" if self.kind is Kind.END else f"‘{self.value[:40]}’"


PATTERN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")+")
    |(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?(?![\w.]))
    |(?P<name>[^\W\d]\w*)
    |(?P<sign><=|>=|!=|[=<>(),])""",
    re.VERBOSE,
)
OPEN_QUOTES = {
    "'": "The text has no closing quote.",
    '"': "The name has no closing quote, or nothing inside its quotes.",
}


def tokens_of(text: str) -> list[Token]:
    """The tokens of a condition, the last of which is its end.

    Raises:
        BadCondition: If the text is too long, or holds what no condition can hold.
    """
    if len(text) > LONGEST_CONDITION:
        reason = f"A condition must have at most {LONGEST_CONDITION} characters."
        raise BadCondition(reason, LONGEST_CONDITION + 1)
    return [*_cut(text), Token(Kind.END, "", len(text) + 1)]


def _cut(text: str) -> Iterator[Token]:
    place = 0
    while place < len(text):
        found = PATTERN.match(text, place)
        if found is None:
            raise BadCondition(_reason(text, place), place + 1)
        if found.lastgroup != "space":
            yield _token(str(found.lastgroup), found.group(), place + 1)
        place = found.end()


def _token(group: str, text: str, position: int) -> Token:
    if group == "text":
        return Token(Kind.TEXT, text[1:-1].replace("''", "'"), position)
    if group == "quoted":
        return Token(Kind.NAME, text[1:-1].replace('""', '"'), position)
    if group == "name" and text.lower() in WORDS:
        return Token(Kind.WORD, text.lower(), position)
    return Token(Kind(group), text, position)


def _reason(text: str, place: int) -> str:
    letter = text[place]
    if letter in OPEN_QUOTES:
        return OPEN_QUOTES[letter]
    if letter.isdigit():
        return "A number must have digits and at most one point; a name with a digit in front needs double quotes."
    return f"{letter!r} can't stand here; a column with such a name needs double quotes."
