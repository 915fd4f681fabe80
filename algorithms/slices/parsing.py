"""Parses the condition of a slice, such as `distance > 1000 and origin in ('JFK', 'LGA')`.

    condition = and-part { "or" and-part }
    and-part  = term { "and" term }
    term      = "not" term | "(" condition ")" | column test
    test      = ("=" | "!=" | "<" | "<=" | ">" | ">=") value
              | ["not"] "in" "(" value { "," value } ")"
              | "is" ["not"] "null"

A condition is data: it never becomes SQL or Python. `!=` and `not in` are `not` of `=` and `in`, as in SQL.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from .condition_tokens import Kind, Token, tokens_of
from .slice_conditions import (
    BadCondition,
    Both,
    Comparison,
    Condition,
    Either,
    Not,
    NullCheck,
    Operator,
    Value,
)

DEEPEST = 20
"""Parentheses and `not` inside one another."""
MOST_TERMS = 50
MOST_VALUES = 200
OPERATORS = tuple(operator.value for operator in Operator)
NEEDS_TEST = (
    "A column needs =, !=, <, <=, >, >=, in, not in, is null or is not null after its name, not {}."
)


def parse_condition(text: str) -> Condition:
    """The condition that a text says.

    Raises:
        BadCondition: With the character at which it goes wrong.
    """
    parser = _Parser(tokens_of(text))
    condition = parser.either(depth=0)
    parser.expect_end()
    return condition


@dataclass(slots=True)
class _Parser:
    """Reads tokens from left to right, one at a time."""

    tokens: list[Token]
    place: int = 0
    terms: int = 0
    values: int = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.token
        self.place += token.kind is not Kind.END
        return token

    def skip(self, *values: str) -> bool:
        """True if the token is one of these; it is taken then."""
        is_there = self.token.is_one_of(*values)
        self.place += is_there
        return is_there

    def expect(self, value: str) -> None:
        if not self.skip(value):
            raise self.refuse(f"‘{value}’ is needed here, not {self.token.shown}.")

    def expect_end(self) -> None:
        if self.token.kind is not Kind.END:
            raise self.refuse(f"‘and’, ‘or’ or the end is needed here, not {self.token.shown}.")

    def refuse(self, reason: str) -> BadCondition:
        return BadCondition(reason, self.token.position)

    def either(self, depth: int) -> Condition:
        parts = self.joined("or", self.both, depth)
        return parts[0] if len(parts) == 1 else Either(parts)

    def both(self, depth: int) -> Condition:
        parts = self.joined("and", self.term, depth)
        return parts[0] if len(parts) == 1 else Both(parts)

    def joined(
        self, word: str, read: Callable[[int], Condition], depth: int
    ) -> tuple[Condition, ...]:
        parts = [read(depth)]
        while self.skip(word):
            parts.append(read(depth))
        return tuple(parts)

    def term(self, depth: int) -> Condition:
        if depth > DEEPEST:
            raise self.refuse(f"Parentheses and ‘not’ must be at most {DEEPEST} deep.")
        if self.skip("not"):
            return Not(self.term(depth + 1))
        if self.skip("("):
            inner = self.either(depth + 1)
            self.expect(")")
            return inner
        return self.test(self.column())

    def column(self) -> Token:
        if self.token.kind is not Kind.NAME:
            raise self.refuse(f"The name of a column is needed here, not {self.token.shown}.")
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise self.refuse(f"A condition must have at most {MOST_TERMS} terms.")
        return self.take()

    def test(self, column: Token) -> Condition:
        if self.skip("is"):
            return self.null_check(column)
        if self.skip("not"):
            self.expect("in")
            return Not(self.one_of(column))
        if self.skip("in"):
            return self.one_of(column)
        if self.skip("!="):
            return Not(self.comparison(column, Operator.EQUAL))
        if self.token.is_one_of(*OPERATORS):
            return self.comparison(column, Operator(self.take().value))
        raise self.refuse(NEEDS_TEST.format(self.token.shown))

    def null_check(self, column: Token) -> Condition:
        is_negated = self.skip("not")
        self.expect("null")
        check = NullCheck(column=column.value, position=column.position)
        return Not(check) if is_negated else check

    def comparison(self, column: Token, operator: Operator) -> Comparison:
        return _compare(column, operator, (self.value(),))

    def one_of(self, column: Token) -> Comparison:
        self.expect("(")
        values = [self.value()]
        while self.skip(","):
            values.append(self.value())
        self.expect(")")
        return _compare(column, Operator.EQUAL, tuple(values))

    def value(self) -> Value:
        token = self.token
        self.values += 1
        if self.values > MOST_VALUES:
            raise self.refuse(f"A condition must have at most {MOST_VALUES} values.")
        if token.kind is Kind.TEXT:
            return self.take().value
        if token.kind is Kind.NUMBER:
            return Decimal(self.take().value)
        if token.is_one_of("true", "false"):
            return self.take().value == "true"
        reason = f"A number, or a text in single quotes, is needed here, not {token.shown}."
        raise self.refuse(reason)


def _compare(column: Token, operator: Operator, values: tuple[Value, ...]) -> Comparison:
    return Comparison(
        column=column.value, operator=operator, values=values, position=column.position
    )
