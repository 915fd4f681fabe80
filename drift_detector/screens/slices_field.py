"""A field of a form for the slices of a monitor, one a line: `name: condition`, or the condition alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from algorithms.slices.parsing import parse_condition
from algorithms.slices.slice_conditions import BadCondition
from algorithms.slices.slice_forms import LONGEST_SLICE_NAME

SEPARATOR = ": "

type Slices = list[dict[str, str]]


class SlicesField(forms.CharField):
    """Takes lines, and gives slices as the API takes them, which checks them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False,
            label="Slices",
            help_text="One a line: a name, a colon and a condition, such as far: distance > 1000 and carrier = 'UA'.",
            widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        return lines_of(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, list) else super().to_python(value)

    def clean(self, value: Any) -> Slices:
        found = super().clean(value)
        return found if isinstance(found, list) else slices_of(found)


def lines_of(slices: Sequence[Mapping[str, str]]) -> str:
    """The slices as lines; one that is named by its condition is the condition alone."""
    return "\n".join(_line(each["name"], each["where"]) for each in slices)


def _line(name: str, where: str) -> str:
    is_named = name != where[:LONGEST_SLICE_NAME]
    return f"{name}{SEPARATOR}{where}" if is_named else where


def slices_of(text: str) -> Slices:
    """The slices of lines; of a condition that is wrong, the API says where."""
    return [_slice(line.strip()) for line in text.splitlines() if line.strip()]


def _slice(line: str) -> dict[str, str]:
    """A line cut at the first colon after which a condition follows; else at its first colon, if it is no condition."""
    cuts = [place for place in range(len(line)) if line.startswith(SEPARATOR, place)]
    whole = {"name": line[:LONGEST_SLICE_NAME], "where": line}
    named = [_cut(line, place) for place in cuts]
    right = [each for each in [whole, *named] if _is_condition(each["where"])]
    return next(iter([*right, *named, whole]))


def _cut(line: str, place: int) -> dict[str, str]:
    return {"name": line[:place].strip(), "where": line[place + len(SEPARATOR) :].strip()}


def _is_condition(text: str) -> bool:
    try:
        parse_condition(text)
    except BadCondition:
        return False
    return True
