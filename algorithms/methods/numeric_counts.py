"""Compares the counts of two windows of a numeric feature, in the reference's bins."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import IntArray
from ..profiles import NumericProfile
from ..references import NumericReference
from ..statistical_tests.distances import DistanceResult
from .measurement import Measurement, homogeneity_p_value
from .method_spec import NumericMeasure


def bin_counts(reference: NumericReference, profile: NumericProfile) -> tuple[IntArray, IntArray]:
    """The counts of the reference and of the current window, shape (bins,) each."""
    starts = reference.bin_starts
    return np.add.reduceat(reference.counts, starts), np.add.reduceat(profile.counts, starts)


def bin_shares(
    reference: NumericReference, reference_counts: IntArray, current_counts: IntArray
) -> dict[str, Any]:
    """The bins' edges and both windows' shares, as an explanation."""
    return {
        "edges": reference.bin_edges.tolist(),
        "reference_shares": (reference_counts / reference_counts.sum()).tolist(),
        "current_shares": (current_counts / current_counts.sum()).tolist(),
    }


def numeric_distance(distance: Callable[[IntArray, IntArray], DistanceResult]) -> NumericMeasure:
    """A measure that takes a distance of the bins' counts; its evidence is the test of homogeneity."""

    def measure(reference: NumericReference, profile: NumericProfile) -> Measurement:
        reference_counts, current_counts = bin_counts(reference, profile)
        result = distance(reference_counts, current_counts)
        return Measurement(
            statistic=result.statistic,
            effect_size=result.effect_size,
            p_value=homogeneity_p_value(reference_counts, current_counts),
            explanation=bin_shares(reference, reference_counts, current_counts),
        )

    return measure
