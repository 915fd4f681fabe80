"""Measures numeric features by each method, from counts on the baseline's cells."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats

from .arrays import IntArray
from .measures import Measurement, homogeneity_p_value, measure_null_rate, of_share
from .plan import Method
from .profiles import NumericProfile
from .references import NumericReference
from .statistical_tests import checks
from .statistical_tests.anderson_darling import anderson_darling
from .statistical_tests.distances import DistanceResult, hellinger, jensen_shannon
from .statistical_tests.ks_test import Counted, KsResult, ks_from_cells, values_inside
from .statistical_tests.psi import psi_from_bins
from .statistical_tests.wasserstein import wasserstein, wasserstein_error

NO_SPREAD = "The reference is constant, so there is no standard deviation to measure by."


def _ks_result(reference: NumericReference, profile: NumericProfile) -> KsResult:
    chunks = profile.values
    if reference.values is None or chunks is None:
        return ks_from_cells(reference.grid, Counted(reference.counts), Counted(profile.counts))
    before = Counted(reference.counts, reference.values_inside)
    after = Counted(profile.counts, lambda wanted: values_inside(chunks, profile.counts, wanted))
    return ks_from_cells(reference.grid, before, after)


def _measure_ks(reference: NumericReference, profile: NumericProfile) -> Measurement:
    result = _ks_result(reference, profile)
    explanation = {
        "location": result.location,
        "current_is": "higher" if result.sign > 0 else "lower",
        "error_bound": result.error_bound,
    }
    return Measurement(
        statistic=result.statistic,
        p_value=result.p_value,
        effect_size=result.effect_size,
        explanation=explanation,
    )


def _binned(reference: NumericReference, profile: NumericProfile) -> tuple[IntArray, IntArray]:
    before, after = (
        np.add.reduceat(counts, reference.bin_starts)
        for counts in (reference.counts, profile.counts)
    )
    return before, after


def _shares(reference: NumericReference, before: IntArray, after: IntArray) -> dict[str, Any]:
    return {
        "edges": reference.bin_edges.tolist(),
        "reference_shares": (before / before.sum()).tolist(),
        "current_shares": (after / after.sum()).tolist(),
    }


def _measure_psi(reference: NumericReference, profile: NumericProfile) -> Measurement:
    before, after = _binned(reference, profile)
    result = psi_from_bins(reference.bin_edges, before, after)
    return Measurement(
        statistic=result.statistic,
        effect_size=result.effect_size,
        p_value=homogeneity_p_value(before, after),
        explanation=_shares(reference, before, after),
    )


def _measure_distance(
    distance: Callable[[IntArray, IntArray], DistanceResult],
) -> Callable[[NumericReference, NumericProfile], Measurement]:
    def measured(reference: NumericReference, profile: NumericProfile) -> Measurement:
        before, after = _binned(reference, profile)
        result = distance(before, after)
        return Measurement(
            statistic=result.statistic,
            effect_size=result.effect_size,
            p_value=homogeneity_p_value(before, after),
            explanation=_shares(reference, before, after),
        )

    return measured


def _measure_wasserstein(reference: NumericReference, profile: NumericProfile) -> Measurement:
    """The distance in standard deviations of the reference; its evidence is the KS test's."""
    std, rows = reference.summary.std, profile.rows
    p_value = _ks_result(reference, profile).p_value
    found = _distance(reference, profile)
    if not std or found is None:
        return Measurement(
            statistic=0.0, effect_size=0.0, p_value=p_value, explanation={}, caveat=NO_SPREAD
        )
    distance, error = found
    return Measurement(
        statistic=distance / std,
        effect_size=max(0.0, distance - _distance_by_chance(reference, rows)) / std,
        p_value=p_value,
        explanation={"distance": distance, "error_bound": error},
    )


def _distance(reference: NumericReference, profile: NumericProfile) -> tuple[float, float] | None:
    """The Wasserstein distance of the finite values and how far it may be off: exact if the values were kept."""
    summary, moments = reference.summary, profile.moments
    below, above = moments.below.over(profile.rows), moments.above.over(profile.rows)
    if (
        summary.minimum is None
        or summary.maximum is None
        or not moments.finite
        or below is None
        or above is None
    ):
        return None
    if reference.values is not None and profile.values is not None:
        current = np.concatenate([values for values, _ in profile.values])
        finite = (values[np.isfinite(values)] for values in (reference.values, current))
        return float(stats.wasserstein_distance(*finite)), 0.0
    counts = (reference.grid.edges, reference.counts, profile.counts)
    ends: dict[str, Any] = {"minimum": summary.minimum, "maximum": summary.maximum}
    ends |= {"rows_below": moments.rows_below, "rows_above": moments.rows_above}
    return wasserstein(*counts, **ends, below=below, above=above), wasserstein_error(
        *counts, **ends
    )


def _distance_by_chance(reference: NumericReference, rows: int) -> float:
    """The Wasserstein distance that chance alone gives on average, without drift, in the feature's unit.

    √(n·m/(n + m)) times the difference of the distribution functions tends to a Brownian bridge at F, whose absolute
    value at a point is √(2/π · F(1 − F)) on average; this is summed over the reference's range.
    """
    n, counts, summary = reference.usable_rows, reference.counts, reference.summary
    below = (np.cumsum(counts) - counts / 2) / n
    if summary.minimum is None or summary.maximum is None:
        return 0.0
    inner = np.clip(reference.grid.edges, summary.minimum, summary.maximum)
    widths = np.diff(inner, prepend=summary.minimum, append=summary.maximum)
    return float((np.sqrt(2 / np.pi * below * (1 - below)) * widths).sum()) * float(
        np.sqrt(1 / n + 1 / rows)
    )


def _measure_anderson_darling(reference: NumericReference, profile: NumericProfile) -> Measurement:
    result = anderson_darling(reference.counts, profile.counts)
    return Measurement(
        statistic=result.statistic,
        effect_size=result.effect_size,
        p_value=result.p_value,
        explanation={"a2": result.a2, "cells": reference.grid.cells},
    )


def _measure_range(reference: NumericReference, profile: NumericProfile) -> Measurement:
    found = profile.moments
    outside = found.rows_below + found.rows_above + (0 if reference.infinite else profile.infinite)
    explanation = {
        "reference_range": [reference.summary.minimum, reference.summary.maximum],
        "current_range": [found.minimum, found.maximum],
        "outside": outside,
    }
    return of_share(checks.out_of_range(outside, reference.n, profile.rows), explanation)


NUMERIC_METHODS: Mapping[Method, Callable[[NumericReference, NumericProfile], Measurement]] = {
    Method.KS: _measure_ks,
    Method.PSI: _measure_psi,
    Method.WASSERSTEIN: _measure_wasserstein,
    Method.JENSEN_SHANNON: _measure_distance(jensen_shannon),
    Method.HELLINGER: _measure_distance(hellinger),
    Method.ANDERSON_DARLING: _measure_anderson_darling,
    Method.NULL_RATE: measure_null_rate,
    Method.RANGE: _measure_range,
}
