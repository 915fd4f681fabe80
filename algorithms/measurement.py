"""Measuring one feature: its current window against its reference, before any judgement."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.columns import CategoryCounts, NumericSample, count_categories, sorted_sample, to_float64
from algorithms.plan import Method
from algorithms.profiles import CategoricalReference, FeatureReference, NumericReference
from algorithms.statistical_tests.chi_squared import align_counts
from algorithms.statistical_tests.ks_test import ks_from_sorted
from algorithms.statistical_tests.pooled_chi_squared import pooled_chi_squared
from algorithms.statistical_tests.psi import PsiResult, psi_from_sorted

KS_MAX_EXACT_STEPS = 8e6
"""About 50 ms. Only windows near 10,000 rows with p below about 1e-4 need more, and there the digits decide nothing."""
MAX_EXAMPLES = 10
ALL_RARE = "Every category is expected in fewer than 5 rows of a window, so only one standing out would be seen."

type CurrentSample = NumericSample | CategoryCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One method's numbers for one feature.

    Attributes:
        p_value: None for PSI, which brings its whole result as `psi` instead.
        explanation: What helps people understand the numbers.
        caveat: Why finding no drift would prove nothing, or nothing.
    """

    statistic: float
    effect_size: float
    p_value: float | None = None
    psi: PsiResult | None = None
    explanation: Mapping[str, Any]
    caveat: str = ""


def read_current(reference: FeatureReference, column: pa.ChunkedArray) -> CurrentSample:
    """Read a column of the current window as its reference's kind.

    Raises:
        UnusableColumn: If the column is of another kind.
    """
    return sorted_sample(to_float64(column)) if isinstance(reference, NumericReference) else count_categories(column)


def measure(method: Method, reference: FeatureReference, current: CurrentSample, bins: int) -> Measurement:
    """Run one method on one feature; both windows hold rows and are of the kind it compares."""
    if isinstance(reference, NumericReference) and isinstance(current, NumericSample):
        return _measure_ks(reference, current) if method == Method.KS else _measure_psi(reference, current, bins)
    if isinstance(reference, CategoricalReference) and isinstance(current, CategoryCounts):
        return _measure_chi_squared(reference, current)
    raise TypeError(f"{method} cannot compare a {reference.kind} feature with {type(current).__name__}.")


def _measure_ks(reference: NumericReference, current: NumericSample) -> Measurement:
    result = ks_from_sorted(reference.values, current.values, max_exact_steps=KS_MAX_EXACT_STEPS)
    return Measurement(
        statistic=result.statistic,
        p_value=result.p_value,
        effect_size=result.effect_size,
        explanation={"location": result.location, "current_is": "higher" if result.sign > 0 else "lower"},
    )


def _measure_psi(reference: NumericReference, current: NumericSample, bins: int) -> Measurement:
    result = psi_from_sorted(reference.values, current.values, bins)
    explanation = {
        "edges": result.edges,
        "reference_shares": result.reference_shares,
        "current_shares": result.current_shares,
    }
    return Measurement(statistic=result.statistic, effect_size=result.effect_size, psi=result, explanation=explanation)


def _measure_chi_squared(reference: CategoricalReference, current: CategoryCounts) -> Measurement:
    names, before, after = align_counts(CategoryCounts(reference.categories, reference.counts, 0), current)
    pooled = pooled_chi_squared(before, after, names, other=reference.other)
    result = pooled.result
    explanation = {
        "degrees_of_freedom": result.degrees_of_freedom,
        "top_categories": result.top_categories,
        "pooled_categories": pooled.pooled_categories,
        "is_exact": pooled.is_exact,
        **_new_categories(reference, current),
    }
    return Measurement(
        statistic=result.statistic,
        p_value=result.p_value,
        effect_size=result.effect_size,
        explanation=explanation,
        caveat="" if pooled.is_conclusive else ALL_RARE,
    )


def _new_categories(reference: CategoricalReference, current: CategoryCounts) -> dict[str, Any]:
    """Categories the reference never held, most frequent first; unknown (None) when it had too many to keep."""
    if reference.other:
        return {"new_categories": None, "new_category_examples": []}
    is_new = pc.is_null(pc.index_in(current.categories, value_set=reference.categories))
    names = current.categories.filter(is_new)
    counts = current.counts[is_new.to_numpy(zero_copy_only=False)]
    examples = names.take(pa.array(np.argsort(-counts, kind="stable")[:MAX_EXAMPLES]))
    return {"new_categories": len(names), "new_category_examples": examples.to_pylist()}
