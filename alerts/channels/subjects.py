"""Templates of subjects: text with fields of an alert in braces, and nothing else."""

from collections.abc import Mapping
from string import Formatter

FIELDS = ("severity", "monitor", "kind", "what", "summary")
USUAL = "[{severity}] {monitor}: {what}"
LONGEST_SUBJECT = 200


class BadTemplate(ValueError):
    """The template has a field that is not known, or more than a field in braces."""


def check_template(template: str) -> None:
    """Check a template; the empty one stands for the usual.

    Raises:
        BadTemplate: If a subject cannot be made from it.
    """
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise BadTemplate(f"A brace must be part of a field, or doubled ({error}).") from None
    for _, field, spec, conversion in parts:
        if field is not None:
            _check_field(field, spec, conversion)
    if not template.isprintable():
        raise BadTemplate("A subject is one line.")


def subject_of(template: str, values: Mapping[str, str]) -> str:
    """The subject of a message.

    Args:
        template: A template that was checked; empty for the usual one.
        values: A text for each of `FIELDS`.
    """
    # By hand and not by `str.format`: a value is text, whatever braces and attributes it names.
    parts = Formatter().parse(template or USUAL)
    text = "".join(literal + (values[field] if field else "") for literal, field, _, _ in parts)
    return " ".join(text.split())[:LONGEST_SUBJECT]


def _check_field(field: str, spec: str | None, conversion: str | None) -> None:
    if field not in FIELDS:
        raise BadTemplate(f"There is no field {field[:40]!r}; known are {', '.join(FIELDS)}.")
    if spec or conversion:
        raise BadTemplate(f"The field {field!r} must stand alone in its braces.")
