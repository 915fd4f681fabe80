"""The published JSON Schemas of the events.

A change that breaks a consumer needs a new version beside the old one.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

VERSION = 1


def schema_id(event_type: str) -> str:
    """The `$id` that an event carries as its `dataschema`."""
    return f"urn:aumos:drift-detector:{event_type}:v{VERSION}"


@cache
def validator(event_type: str) -> Draft202012Validator:
    """The validator for the envelope of one event type."""
    text = files(__package__).joinpath(f"{event_type}.v{VERSION}.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def validate(envelope: dict[str, Any]) -> None:
    """Check an envelope against the schema of its type.

    Raises:
        jsonschema.ValidationError: If it does not match.
    """
    validator(envelope["type"]).validate(envelope)
