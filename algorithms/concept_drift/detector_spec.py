"""Describes a detector: its class, and the settings that keep a promise about false alarms."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .detector import Detector


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSpec:
    """A detector that reads prediction errors one after the other.

    Attributes:
        title: Its usual name.
        detector: Its class.
        calibrated: Settings that differ from those defaults, so that the detector keeps the alarm budget;
            `make calibration` measures it.
        calibrated_for_means: Settings that differ where observations are means of many errors, in standard
            deviations from the usual; None where there are none.
        limits: The largest value of a setting, where it is not the largest of all settings.
        is_default: Whether a monitor that names no detector runs it.
        is_in_river: Whether river has the detector; then the fields' defaults are river's.
    """

    title: str
    detector: type[Detector]
    calibrated: Mapping[str, Any] = field(default_factory=dict)
    calibrated_for_means: Mapping[str, Any] | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    is_default: bool = False
    is_in_river: bool = True

    def setting_defaults(self) -> dict[str, Any]:
        """The settings and river's defaults: the fields up to `n`, with which the state begins."""
        entries = list(fields(self.detector))
        names = [entry.name for entry in entries]
        settings = entries[names.index("signal") + 1 : names.index("n")]
        return {entry.name: entry.default for entry in settings}
