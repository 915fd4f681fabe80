"""The published JSON Schemas of the events.

A change that breaks a consumer needs a new version beside the old one.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema_rs import Draft202012Validator, meta

VERSIONS = ("1", "2")
"""Only `drift.alert_raised` has a second one: an alert about a monitor's health has no run and no window."""


def schema_id(event_type: str, version: int = 1) -> str:
    """The `$id` that an event carries as its `dataschema`."""
    return f"urn:aumos:drift-detector:{event_type}:v{version}"


@cache
def validator(event_type: str, version: int = 1) -> Draft202012Validator:
    """The validator for the envelope of one event type, in a version of its schema."""
    text = files(__package__).joinpath(f"{event_type}.v{version}.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    meta.validate(schema)
    return Draft202012Validator(schema, validate_formats=True)


def validate(envelope: dict[str, Any]) -> None:
    """Check an envelope against the schema that it names.

    Raises:
        jsonschema_rs.ValidationError: If it does not match.
    """
    validator(envelope["type"], _version_of(envelope)).validate(envelope)


def _version_of(envelope: dict[str, Any]) -> int:
    """The version at the end of the name of a schema; the first one if there is none."""
    version = str(envelope.get("dataschema", "")).rpartition(":v")[2]
    return int(version) if version in VERSIONS else 1
