"""Makes detectors by name, each with settings that keep a promise about false alarms."""

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any

from .adwin import ADWIN
from .ddm import DDM, EDDM
from .detector import Detector
from .e_process import EProcess
from .page_hinkley import PageHinkley

LARGEST_SETTING, MOST_BUCKETS = 1e9, 64
ALARM_BUDGET = 0.1
"""Alarms per 10,000 stationary observations that no calibrated detector exceeds, at error rates from 0.01 to 0.4."""


class ConceptMethod(StrEnum):
    """A way to see that a model's errors have changed."""

    ADWIN = "adwin"
    DDM = "ddm"
    EDDM = "eddm"
    PAGE_HINKLEY = "page_hinkley"
    E_PROCESS = "e_process"


DETECTORS: Mapping[ConceptMethod, type[Detector]] = {
    ConceptMethod.ADWIN: ADWIN,
    ConceptMethod.DDM: DDM,
    ConceptMethod.EDDM: EDDM,
    ConceptMethod.PAGE_HINKLEY: PageHinkley,
    ConceptMethod.E_PROCESS: EProcess,
}
CALIBRATED: Mapping[ConceptMethod, Mapping[str, Any]] = {
    ConceptMethod.ADWIN: {"delta": 0.05},
    ConceptMethod.DDM: {"warm_start": 1000, "drift_threshold": 3.25, "min_errors": 10},
    ConceptMethod.EDDM: {"warm_start": 100, "alpha": 0.7, "beta": 0.6},
    ConceptMethod.PAGE_HINKLEY: {"delta": 0.02, "threshold": 40.0, "alpha": 1.0},
    ConceptMethod.E_PROCESS: {"alpha": 0.001},
}
"""What differs from the detectors' own defaults, which are river's; `make calibration` shows what they keep."""
CALIBRATED_FOR_MEANS: Mapping[ConceptMethod, Mapping[str, Any]] = {
    ConceptMethod.ADWIN: {"delta": 0.05, "clock": 1},
    ConceptMethod.PAGE_HINKLEY: {"delta": 0.25, "threshold": 12.0, "min_instances": 8},
}
"""What differs from that where observations are means of many errors, in standard deviations from the usual."""
DEFAULT_CONCEPT_METHODS = (ConceptMethod.ADWIN, ConceptMethod.E_PROCESS)


def new_detector(method: ConceptMethod, settings: Mapping[str, Any] | None = None) -> Detector:
    """A detector with calibrated settings, but for those that are given.

    Raises:
        ValueError: If it has no such setting, or a value is out of its range.
    """
    kind = DETECTORS[method]
    known = {
        entry.name: entry.default for entry in fields(kind) if entry.name in setting_names(method)
    }
    if unknown := sorted(set(settings or {}) - set(known)):
        raise ValueError(
            f"{method} has no setting {', '.join(unknown)}; it has {', '.join(known)}."
        )
    for name, value in (settings or {}).items():
        _check(method, name, value, known[name])
    return kind(**{**CALIBRATED[method], **(settings or {})})


def _check(method: ConceptMethod, name: str, value: Any, default: Any) -> None:
    """Check a setting's type and size here, as a kernel accepts any value."""
    if isinstance(default, str):
        if not isinstance(value, str):
            raise ValueError(f"{method}: {name} is text.")
        return
    whole = isinstance(default, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise ValueError(f"{method}: {name} is a {'whole ' if whole else ''}number.")
    largest = MOST_BUCKETS if name == "max_buckets" else LARGEST_SETTING
    if not 0 <= value <= largest:
        raise ValueError(f"{method}: {name} is from 0 to {largest:g}.")


def detector_from_json(method: ConceptMethod, stored: Mapping[str, Any]) -> Detector:
    """The detector that `Detector.as_json` wrote."""
    return DETECTORS[method].from_json(stored)


def setting_names(method: ConceptMethod) -> list[str]:
    """The settings of a detector: its fields up to `n`, with which the state begins."""
    names = [entry.name for entry in fields(DETECTORS[method])]
    return names[names.index("signal") + 1 : names.index("n")]
