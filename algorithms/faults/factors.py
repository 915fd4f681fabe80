"""Measures the factor between two windows of a feature, with its standard error."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import FloatArray
from ..profiles import NumericSummary
from .numeric_evidence import NumericEvidence

LEVELS = np.linspace(0.05, 0.95, 19)
"""Of the quantiles that are compared; those beyond are too uncertain in samples."""
GROUPS = 10
"""Parts of a sample, by which the error of its quantiles is measured."""
LEAST_PART = 0.1
"""Quantiles nearer to 0 than this part of the largest have no ratio worth its name."""


@dataclass(frozen=True, slots=True)
class MeasuredFactor:
    """A factor, and its relative standard error."""

    factor: float
    error: float


def measure_factors(evidence: NumericEvidence) -> list[MeasuredFactor]:
    """The factor that makes the window of the reference, by means and by quantiles, the surer one first."""
    found = [*_by_means(evidence), *_by_quantiles(evidence)]
    return sorted(found, key=lambda each: each.error)


def _by_means(evidence: NumericEvidence) -> Iterator[MeasuredFactor]:
    before, now = evidence.before, evidence.now
    if not before.mean or not now.mean or before.std is None or now.std is None:
        return
    factor = now.mean / before.mean
    variance = _variance(before, evidence.reference_rows) + _variance(now, evidence.window_rows)
    if factor > 0:
        yield MeasuredFactor(factor, float(np.sqrt(variance)))


def _variance(summary: NumericSummary, rows: int) -> float:
    """The relative variance of a mean."""
    assert summary.mean is not None
    assert summary.std is not None
    return float((summary.std / summary.mean) ** 2 / rows)


def _by_quantiles(evidence: NumericEvidence) -> Iterator[MeasuredFactor]:
    factor = _ratio_of_quantiles(evidence.reference, evidence.rows)
    parts = [
        _ratio_of_quantiles(evidence.reference, evidence.rows[each::GROUPS])
        for each in range(GROUPS)
    ]
    ratios = np.array([each for each in parts if each is not None])
    if factor is None or len(ratios) < GROUPS:
        return
    of_window = float(np.std(ratios, ddof=1) / factor / np.sqrt(GROUPS))
    # the reference's quantiles are uncertain, too, by as much for as many rows
    of_both = of_window * np.sqrt(1 + len(evidence.rows) / evidence.reference_rows)
    yield MeasuredFactor(factor, float(of_both))


def _ratio_of_quantiles(reference: FloatArray, window: FloatArray) -> float | None:
    """The median ratio of quantiles that are not near 0."""
    before, now = np.quantile(reference, LEVELS), np.quantile(window, LEVELS)
    is_far = np.abs(before) >= LEAST_PART * np.abs(before).max()
    if not np.abs(before).max():
        return None
    ratio = float(np.median(now[is_far] / before[is_far]))
    return ratio if ratio > 0 else None
