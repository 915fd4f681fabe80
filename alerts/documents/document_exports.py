"""Writes the document of a model's monitors, without the fields that have their defaults."""

from typing import Any
from uuid import UUID

from alerts.documents.canonical_json import is_same
from alerts.documents.document_forms import (
    MOST_MONITORS,
    NEEDED_FIELDS,
    VERSION,
    Settings,
    default_settings,
    settings_of_all,
)
from alerts.documents.document_plans import BUDGET_FIELD
from alerts.documents.selectors import name_of_document
from monitors.budgets.levels import get_budget
from monitors.models import Monitor


class TooManyMonitors(Exception):
    """A model has more monitors than one document holds."""


def export_document(model_id: UUID) -> dict[str, Any] | None:
    """The document of a model, its monitors by name; None if it has neither a monitor nor a budget.

    Raises:
        TooManyMonitors: If one document cannot hold them.
    """
    monitors = list(Monitor.objects.filter(model_id=model_id).order_by("name")[: MOST_MONITORS + 1])
    budget = get_budget(model_id)
    if not monitors and budget is None:
        return None
    if len(monitors) > MOST_MONITORS:
        raise TooManyMonitors(
            f"The model has more than {MOST_MONITORS:,} monitors, and a document holds no more."
        )
    defaults = default_settings()
    document = {
        "version": VERSION,
        "name": name_of_document(model_id),
        "model_id": str(model_id),
        "monitors": [_stated(each, defaults) for each in settings_of_all(monitors)],
    }
    return document | ({"budget": {BUDGET_FIELD: budget.false_alerts_per_month}} if budget else {})


def _stated(settings: Settings, defaults: Settings) -> Settings:
    return {
        name: value
        for name, value in settings.items()
        if name in NEEDED_FIELDS or not is_same(value, defaults[name])
    }
