"""Writes conditions on one column as text that `parse_condition` reads."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from ..value_types import MOMENTS, NUMBERS, ValueType
from .condition_tokens import WORDS
from .slice_contracts import Contract

PLAIN_NAME = re.compile(r"[^\W\d]\w*")
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS = 1_000_000


def name_text(column: str) -> str:
    """A column's name, in double quotes unless it is a plain word."""
    if PLAIN_NAME.fullmatch(column) and column.lower() not in WORDS:
        return column
    return '"{}"'.format(column.replace('"', '""'))


def category_text(name: str, contract: Contract) -> str:
    """A category, in single quotes unless it is a number or a truth."""
    is_number = contract.value_type in NUMBERS and PLAIN_NUMBER.fullmatch(name)
    if is_number or (contract.value_type is ValueType.BOOLEAN and name in ("true", "false")):
        return name
    return "'{}'".format(name.replace("'", "''"))


def number_text(number: Decimal, contract: Contract) -> str | None:
    """A number of a numeric column; of a column of times the moment, None beyond the calendar."""
    if contract.value_type not in MOMENTS:
        return f"{number:f}"
    try:
        moment = EPOCH + timedelta(microseconds=int(number * MICROSECONDS))
    except (OverflowError, InvalidOperation):
        return None
    return f"'{moment.isoformat()}'"
