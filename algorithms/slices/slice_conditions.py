"""The parts of a slice's condition, and what is wrong with one that cannot be used."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

type Value = str | Decimal | bool
"""Text, a number, or a truth, as a condition writes it."""
type Condition = Comparison | NullCheck | Not | Both | Either


class BadCondition(ValueError):
    """A condition that cannot be used.

    Attributes:
        position: The character at which it goes wrong, from 1 on.
        reason: What is wrong, in a sentence.
    """

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"at character {position}: {reason}")
        self.reason = reason
        self.position = position


class Operator(StrEnum):
    """The ways to compare a column with a value; all others are made of these."""

    EQUAL = "="
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """True for rows whose value compares so with one of the values; unknown for rows without a value."""

    column: str
    operator: Operator
    values: tuple[Value, ...]
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NullCheck:
    """True for rows without a value in the column, NaN among them."""

    column: str
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """True where its part is false."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Both:
    """True where all of its parts are."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True where one of its parts is."""

    parts: tuple["Condition", ...]


def terms_of(condition: Condition) -> Iterator[Comparison | NullCheck]:
    """The terms of a condition, from left to right."""
    match condition:
        case Comparison() | NullCheck():
            yield condition
        case Not(part):
            yield from terms_of(part)
        case Both(parts) | Either(parts):
            for part in parts:
                yield from terms_of(part)


def columns_of(condition: Condition) -> list[str]:
    """The columns that a condition reads, each once."""
    return list(dict.fromkeys(term.column for term in terms_of(condition)))
