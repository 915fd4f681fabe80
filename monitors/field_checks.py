"""Finds the checks of a monitor's fields, for the API and the admin alike."""

from collections.abc import Callable, Mapping
from typing import Any

from monitors import validators
from monitors.models import FIELD_GROUPS, Monitor

type FieldCheck = Callable[[Any], Any]


def _checks_by_name() -> dict[str, FieldCheck]:
    names = [name for group in FIELD_GROUPS.values() for name in group]
    found = {name: getattr(validators, f"check_{name}", None) for name in names}
    return {name: check for name, check in found.items() if check is not None}


FIELD_CHECKS: Mapping[str, FieldCheck] = _checks_by_name()
"""The validator `check_<field>` of each field that has one; it returns the value to store."""


def check_change(changes: Mapping[str, Any], monitor: Monitor | None) -> None:
    """Check the rules that span several fields, as a change would leave them.

    Args:
        changes: Field to new value; all fields if there is no monitor yet.
        monitor: The monitor before the change.

    Raises:
        ValidationError: For the field that breaks a rule.
    """
    kept: dict[str, Any] = {}
    if monitor is not None:
        names = [field.attname for field in Monitor._meta.fields]
        kept = {name: getattr(monitor, name) for name in names}
    validators.check_monitor(kept | dict(changes))
