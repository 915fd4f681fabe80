"""Measures categorical features by each method, from counts by the baseline's codes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import IntArray
from .measures import Measurement, measure_null_rate, of_share
from .plan import Method
from .profiles import CategoricalProfile
from .references import CategoricalReference
from .statistical_tests import checks
from .statistical_tests.distances import DistanceResult, hellinger, jensen_shannon
from .statistical_tests.pooled_chi_squared import PooledChiSquared, pooled_chi_squared

MAX_EXAMPLES = 10
UNSEEN = "(unseen)"
ALL_RARE = "Every category is expected in fewer than 5 rows of a window, so only one standing out would be seen."
TOO_MANY_CATEGORIES = (
    "The reference had more categories than are kept, so which ones are new is unknown."
)


def _measure_new_categories(
    reference: CategoricalReference, profile: CategoricalProfile
) -> Measurement:
    singletons = int(np.count_nonzero(reference.counts == 1))
    result = checks.new_categories(profile.unseen.rows, profile.rows, singletons, reference.n)
    caveat = TOO_MANY_CATEGORIES if reference.other else ""
    return of_share(result, _new_categories(reference, profile), caveat)


def _named_counts(
    reference: CategoricalReference, profile: CategoricalProfile
) -> tuple[pa.Array, IntArray, IntArray]:
    """The categories of both windows and their counts in each, the reference's first."""
    unseen = profile.unseen
    names, rows = list(unseen.counts), list(unseen.counts.values())
    if rest := unseen.rows - sum(rows):
        names, rows = [*names, UNSEEN], [*rows, rest]
    categories = pa.concat_arrays([reference.categories, pa.array(names, pa.large_string())])
    before = np.concatenate([reference.counts, np.zeros(len(rows), np.int64)])
    return categories, before, np.concatenate([profile.counts, np.array(rows, np.int64)])


def _pooled(reference: CategoricalReference, profile: CategoricalProfile) -> PooledChiSquared:
    categories, before, after = _named_counts(reference, profile)
    seen = before + after > 0
    return pooled_chi_squared(
        before[seen], after[seen], categories.filter(pa.array(seen)), other=reference.other
    )


def _measure_chi_squared(
    reference: CategoricalReference, profile: CategoricalProfile
) -> Measurement:
    pooled = _pooled(reference, profile)
    result = pooled.result
    explanation = {
        "degrees_of_freedom": result.degrees_of_freedom,
        "top_categories": result.top_categories,
        "pooled_categories": pooled.pooled_categories,
        "is_exact": pooled.is_exact,
        **_new_categories(reference, profile),
    }
    return Measurement(
        statistic=result.statistic,
        p_value=result.p_value,
        effect_size=result.effect_size,
        explanation=explanation,
        caveat="" if pooled.is_conclusive else ALL_RARE,
    )


def _measure_categorical_distance(
    distance: Callable[[IntArray, IntArray], DistanceResult],
) -> Callable[[CategoricalReference, CategoricalProfile], Measurement]:
    def measured(reference: CategoricalReference, profile: CategoricalProfile) -> Measurement:
        _, before, after = _named_counts(reference, profile)
        result = distance(np.append(before, reference.other), np.append(after, 0))
        pooled = _pooled(reference, profile)
        return Measurement(
            statistic=result.statistic,
            effect_size=result.effect_size,
            p_value=pooled.result.p_value,
            explanation={"top_categories": pooled.result.top_categories},
            caveat="" if pooled.is_conclusive else ALL_RARE,
        )

    return measured


def _new_categories(reference: CategoricalReference, profile: CategoricalProfile) -> dict[str, Any]:
    """Categories the reference never held, most frequent first; unknown (None) when it had too many to keep."""
    if reference.other:
        return {"new_categories": None, "new_category_examples": []}
    counts = profile.unseen.counts
    examples = sorted(counts, key=lambda name: (-counts[name], name))[:MAX_EXAMPLES]
    return {"new_categories": len(counts), "new_category_examples": examples}


CATEGORICAL_METHODS: Mapping[
    Method, Callable[[CategoricalReference, CategoricalProfile], Measurement]
] = {
    Method.CHI_SQUARED: _measure_chi_squared,
    Method.JENSEN_SHANNON: _measure_categorical_distance(jensen_shannon),
    Method.HELLINGER: _measure_categorical_distance(hellinger),
    Method.NULL_RATE: measure_null_rate,
    Method.NEW_CATEGORIES: _measure_new_categories,
}
