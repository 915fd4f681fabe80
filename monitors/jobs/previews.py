"""Says what a monitor would watch, before it is saved."""

from typing import Any

from django.core.exceptions import ValidationError

from algorithms.errors import InsufficientData
from drift_detector.scheduling.cron import runs_per_month
from monitors.baselines.builds import fit_reference, power_card_of
from monitors.budgets.expectations import added_by
from monitors.models import Monitor
from monitors.sources import SourceError, SourcePolicy


def preview_monitor(monitor: Monitor, policy: SourcePolicy) -> dict[str, Any]:
    """The features and the power card of a monitor that is not saved. No transaction may be open.

    Raises:
        ValidationError: If the reference cannot be read or compared.
    """
    try:
        fitted = fit_reference(monitor, policy)
        frozen = fitted.frozen
        card = power_card_of(monitor, policy, frozen)
    except (SourceError, InsufficientData) as error:
        raise ValidationError({"reference_data_uri": str(error)}) from error
    return {
        "rows": frozen.rows,
        "is_sampled": frozen.sampled,
        "features": {name: feature.kind.value for name, feature in frozen.features.items()},
        "calibration": card,
    }


def add_budget(preview: dict[str, Any], monitor: Monitor) -> dict[str, Any]:
    """The preview with what the monitor would take of its tenant's budget, in the scope of the tenant."""
    monitor.runs_per_month = runs_per_month(monitor.schedule_cron)
    return preview | {"budget": added_by(monitor)}
