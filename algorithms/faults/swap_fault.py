"""Names two columns that changed places."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from .fault import Explanation, Fault, FaultKind
from .numeric_evidence import NumericEvidence, gap_between

MOST_FEATURES = 60
"""Pairs of more drifted features take longer than a name is worth; a fault of that many is not a swap."""


def explain_pairs(features: Mapping[str, NumericEvidence]) -> Iterator[tuple[str, Explanation]]:
    """The features of each pair in which either window looks like the other's reference.

    Args:
        features: The drifted features that can be tried.
    """
    if len(features) > MOST_FEATURES:
        return
    for (name, one), (other_name, other) in combinations(features.items(), 2):
        gap = max(_gap(one, other), _gap(other, one))
        if gap <= max(one.noise, other.noise) and gap <= min(one.gap, other.gap) / 2:
            yield name, _swapped(other_name, gap)
            yield other_name, _swapped(name, gap)


def _gap(one: NumericEvidence, other: NumericEvidence) -> float:
    return gap_between(other.reference, one.window)


def _swapped(other: str, gap: float) -> Explanation:
    words = f"a swap with the column ‘{other}’"
    return Explanation(fault=Fault.likely(FaultKind.SWAP, words), gap=gap)
