"""Says what a monitor would watch, before it is saved."""

from typing import Any

from django.core.exceptions import ValidationError

from algorithms.errors import InsufficientData
from monitors.baselines.builds import fit_reference, power_card_of
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
