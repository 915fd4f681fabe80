"""Holds the table of faults, and chooses the one that explains a drift."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import COLUMN_ERRORS
from . import (
    clip_fault,
    default_fault,
    fill_fault,
    log_fault,
    merged_fault,
    offset_fault,
    renamed_fault,
    rounding_fault,
    scale_fault,
    sign_fault,
    spelling_fault,
    swap_fault,
)
from .category_evidence import CategoryEvidence
from .fault import Certainty, Explanation, Fault
from .numeric_evidence import NumericEvidence

type Evidence = NumericEvidence | CategoryEvidence

NUMERIC: tuple[Callable[[NumericEvidence], Iterator[Explanation]], ...] = (
    fill_fault.explain,
    clip_fault.explain,
    rounding_fault.explain,
    sign_fault.explain,
    scale_fault.explain,
    offset_fault.explain,
    log_fault.explain,
)
"""Of explanations that fit alike, the first is named: what leaves a trace of its own comes before what moves all."""
CATEGORICAL: tuple[Callable[[CategoryEvidence], Iterator[Explanation]], ...] = (
    spelling_fault.explain,
    renamed_fault.explain,
    merged_fault.explain,
    default_fault.explain,
)
ALIKE = 0.5
"""The part of what chance explains by which the gaps of explanations that fit alike differ."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """The explanations of one feature, in the order of the table, and the gap that is no difference."""

    found: list[Explanation]
    alike: float

    def best(self) -> Fault | None:
        """The first that is likely and fits as well as any; without a likely one, the first that is possible."""
        if not self.found:
            return None
        least = min(each.gap for each in self.found)
        good = [each.fault for each in self.found if each.gap <= least + self.alike]
        return min(good, key=lambda fault: fault.certainty is not Certainty.LIKELY)


def name_faults(drifted: Mapping[str, Evidence]) -> dict[str, Fault]:
    """The fault of each drifted feature that has one.

    Args:
        drifted: What is known of each drifted feature, by its name.
    """
    tried = {name: each for name, each in drifted.items() if each.can_be_tried}
    with np.errstate(all="ignore"):
        swaps = _swaps(tried)
        named = {name: _try_fault_of(each, swaps[name]) for name, each in tried.items()}
    return {name: fault for name, fault in named.items() if fault is not None}


def _swaps(tried: Mapping[str, Evidence]) -> Mapping[str, list[Explanation]]:
    numeric = {name: each for name, each in tried.items() if isinstance(each, NumericEvidence)}
    found = defaultdict[str, list[Explanation]](list)
    for name, explanation in swap_fault.explain_pairs(numeric):
        found[name].append(explanation)
    return found


def _try_fault_of(evidence: Evidence, swaps: list[Explanation]) -> Fault | None:
    """The fault of a feature; none if its numbers are beyond what can be computed."""
    try:
        return _fault_of(evidence, swaps)
    except COLUMN_ERRORS:
        return None


def _fault_of(evidence: Evidence, swaps: list[Explanation]) -> Fault | None:
    if isinstance(evidence, NumericEvidence):
        found = [each for explain in NUMERIC for each in explain(evidence)]
        return _Choice([*swaps, *found], ALIKE * evidence.noise).best()
    found = [each for explain in CATEGORICAL for each in explain(evidence)]
    return _Choice(found, np.inf).best()
