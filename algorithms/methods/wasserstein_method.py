"""The Wasserstein distance in standard deviations of the reference."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays import FloatArray
from ..profiles import NumericProfile
from ..references import NumericReference
from ..statistical_tests.wasserstein import wasserstein, wasserstein_error
from .ks_method import ks_result
from .measurement import Measurement
from .method_spec import MethodSpec, ThresholdKind

NO_SPREAD = "The reference is constant, so there is no standard deviation to measure by."


def _measure(reference: NumericReference, profile: NumericProfile) -> Measurement:
    """The distance and its excess over chance; its evidence is the KS test's."""
    std = reference.summary.std
    p_value = ks_result(reference, profile).p_value
    found = _distance(reference, profile)
    if not std or found is None:
        nothing = Measurement(statistic=0.0, effect_size=0.0, p_value=p_value, caveat=NO_SPREAD)
        return replace(nothing, is_judgeable=bool(std))
    distance, error = found
    excess = max(0.0, distance - _distance_by_chance(reference, profile.rows))
    return Measurement(
        statistic=distance / std,
        effect_size=excess / std,
        p_value=p_value,
        explanation={"distance": distance, "error_bound": error},
    )


def _distance(reference: NumericReference, profile: NumericProfile) -> tuple[float, float] | None:
    """The distance of the finite values and how far it may be off; None where one window has no finite value."""
    moments = profile.moments
    below, above = moments.below.over(profile.rows), moments.above.over(profile.rows)
    if reference.summary.minimum is None or not moments.finite or below is None or above is None:
        return None
    if reference.values is not None and profile.values is not None:
        return _exact_distance(reference, profile), 0.0
    return _distance_of_cells(reference, profile, below=below, above=above)


def _exact_distance(reference: NumericReference, profile: NumericProfile) -> float:
    assert reference.values is not None
    assert profile.values is not None
    from scipy.stats import wasserstein_distance  # most processes never need its package

    current = np.concatenate([values for values, _ in profile.values])
    finite = (values[np.isfinite(values)] for values in (reference.values, current))
    return float(wasserstein_distance(*finite))


def _distance_of_cells(
    reference: NumericReference, profile: NumericProfile, *, below: float, above: float
) -> tuple[float, float]:
    summary, moments = reference.summary, profile.moments
    counts = (reference.grid.edges, reference.counts, profile.counts)
    ends: dict[str, Any] = {
        "minimum": summary.minimum,
        "maximum": summary.maximum,
        "rows_below": moments.rows_below,
        "rows_above": moments.rows_above,
    }
    distance = wasserstein(*counts, **ends, below=below, above=above)
    return distance, wasserstein_error(*counts, **ends)


def _distance_by_chance(reference: NumericReference, rows: int) -> float:
    """The distance that chance alone gives on average, without drift, in the feature's unit.

    √(n·m/(n + m)) times the difference of the distribution functions tends to a Brownian bridge at F, whose absolute
    value at a point is √(2/π · F(1 − F)) on average; this is summed over the reference's range.
    """
    summary = reference.summary
    if summary.minimum is None or summary.maximum is None:
        return 0.0
    deviations = _bridge_deviations(reference)
    area = float((deviations * _cell_widths(reference, summary.minimum, summary.maximum)).sum())
    return area * float(np.sqrt(1 / reference.usable_rows + 1 / rows))


def _bridge_deviations(reference: NumericReference) -> FloatArray:
    """√(2/π · F(1 − F)) in the middle of each cell."""
    counts = reference.counts
    below: FloatArray = (np.cumsum(counts) - counts / 2) / reference.usable_rows
    deviations: FloatArray = np.sqrt(2 / np.pi * below * (1 - below))
    return deviations


def _cell_widths(reference: NumericReference, minimum: float, maximum: float) -> FloatArray:
    inner = np.clip(reference.grid.edges, minimum, maximum)
    widths: FloatArray = np.diff(inner, prepend=minimum, append=maximum)
    return widths


SPEC = MethodSpec(
    title="Wasserstein distance",
    threshold_kind=ThresholdKind.SIZE,
    threshold=0.1,
    highest_threshold=1000.0,
    numeric=_measure,
)
