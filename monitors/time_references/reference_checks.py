"""Checks and reads the fields of a monitor that name its references in time."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from algorithms.method_results import Reference
from monitors.time_references.holiday_days import knows_calendar
from monitors.time_references.reference_kinds import CHOSEN, KINDS, Choice

MOST_REFERENCES = 3
LONGEST_CALENDAR = 20


def check_entries(entries: Any) -> list[dict[str, Any]]:
    """References in time, each of a kind of its own, with all settings of its kind.

    Raises:
        ValidationError: With the kind and the setting that is wrong.
    """
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise ValidationError("references_in_time must be a list of objects, each with a kind.")
    if len(entries) > MOST_REFERENCES:
        raise ValidationError(f"references_in_time must be at most {MOST_REFERENCES}.")
    checked = [_checked(each) for each in entries]
    if len({each["kind"] for each in checked}) < len(checked):
        raise ValidationError("references_in_time must have kinds that differ.")
    return checked


def _checked(entry: Mapping[str, Any]) -> dict[str, Any]:
    name = entry.get("kind")
    if name not in [each.value for each in CHOSEN]:
        raise ValidationError(f"kind must be one of {', '.join(CHOSEN)}, not {name!r}.")
    settings = KINDS[Reference(name)].settings
    if unknown := sorted(set(entry) - {"kind", *settings}):
        known = f"kind, {', '.join(settings)}" if settings else "kind alone"
        raise ValidationError(f"A reference {name} has {known}, and not {unknown[0]!r}.")
    values = {key: each.check(key, entry.get(key)) for key, each in settings.items()}
    return {"kind": name, **values}


def read_choice(reference: Reference, entry: Mapping[str, Any]) -> Choice:
    """The settings of a stored reference as values for computing."""
    settings = KINDS[reference].settings
    known = {name: each.read(entry[name]) for name, each in settings.items()}
    return {**entry, **known}


def check_calendar(code: Any) -> str:
    """The name of a calendar of holidays; empty for none.

    Raises:
        ValidationError: If there is no such calendar.
    """
    if not isinstance(code, str) or len(code) > LONGEST_CALENDAR:
        raise ValidationError("holidays must be a country, such as DE, or a part of one: US-CA.")
    if code and not knows_calendar(code):
        raise ValidationError(
            f"holidays must be a country or a part of one that is known, not {code!r}."
        )
    return code


def entries_schema() -> dict[str, Any]:
    """The JSON Schema of `references_in_time`."""
    kinds = [_entry_schema(each) for each in CHOSEN]
    return {"type": "array", "items": {"oneOf": kinds}, "maxItems": MOST_REFERENCES}


def _entry_schema(reference: Reference) -> dict[str, Any]:
    settings = KINDS[reference].settings
    needed = [name for name, each in settings.items() if each.is_required]
    return {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": [reference.value]},
            **{name: each.schema() for name, each in settings.items()},
        },
        "required": ["kind", *needed],
        "additionalProperties": False,
    }
