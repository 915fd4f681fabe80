"""The registry of detectors: a new detector is its own module, a name and a line here."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from . import adwin, ddm, e_process, page_hinkley
from .detector import Detector
from .detector_spec import DetectorSpec

LARGEST_SETTING = 1e9
ALARM_BUDGET = 0.1
"""Alarms per 10,000 stationary observations that no calibrated detector exceeds, at error rates from 0.01 to 0.4."""


class ConceptMethod(StrEnum):
    """The name of a detector, as monitors and events write it. The order is that of all listings."""

    ADWIN = "adwin"
    DDM = "ddm"
    EDDM = "eddm"
    PAGE_HINKLEY = "page_hinkley"
    E_PROCESS = "e_process"


DETECTORS: Mapping[ConceptMethod, DetectorSpec] = {
    ConceptMethod.ADWIN: adwin.SPEC,
    ConceptMethod.DDM: ddm.DDM_SPEC,
    ConceptMethod.EDDM: ddm.EDDM_SPEC,
    ConceptMethod.PAGE_HINKLEY: page_hinkley.SPEC,
    ConceptMethod.E_PROCESS: e_process.SPEC,
}
DEFAULT_CONCEPT_METHODS = tuple(name for name, spec in DETECTORS.items() if spec.is_default)


def new_detector(method: ConceptMethod, settings: Mapping[str, Any] | None = None) -> Detector:
    """A detector with calibrated settings, but for those that are given.

    Raises:
        ValueError: If it has no such setting, or a value is out of its range.
    """
    spec, chosen = DETECTORS[method], settings or {}
    _check_settings(method, chosen)
    return spec.detector(**{**spec.calibrated, **chosen})


def _check_settings(method: ConceptMethod, chosen: Mapping[str, Any]) -> None:
    spec = DETECTORS[method]
    known = spec.setting_defaults()
    if unknown := sorted(set(chosen) - set(known)):
        raise ValueError(
            f"{method} has no setting {', '.join(unknown)}; it has {', '.join(known)}."
        )
    for name, value in chosen.items():
        _check_type(f"{method}: {name}", value, known[name])
        if not isinstance(value, str):
            _check_size(f"{method}: {name}", value, spec.limits.get(name, LARGEST_SETTING))


def _check_type(name: str, value: Any, default: Any) -> None:
    """Check a setting's type here, as a kernel accepts any value."""
    if isinstance(default, str):
        if not isinstance(value, str):
            raise ValueError(f"{name} is text.")
        return
    is_whole = isinstance(default, int)
    if isinstance(value, bool) or not isinstance(value, int if is_whole else int | float):
        raise ValueError(f"{name} is a {'whole ' if is_whole else ''}number.")


def _check_size(name: str, value: float, largest: float) -> None:
    if not 0 <= value <= largest:
        raise ValueError(f"{name} is from 0 to {largest:g}.")


def detector_from_json(method: ConceptMethod, stored: Mapping[str, Any]) -> Detector:
    """The detector that `Detector.as_json` wrote."""
    return DETECTORS[method].detector.from_json(stored)
