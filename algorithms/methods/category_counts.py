"""Compares the counts of two windows of a categorical feature, category by category."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from ..arrays import IntArray
from ..profiles import CategoricalProfile
from ..references import CategoricalReference
from ..statistical_tests.checks import MIN_EXPECTED
from ..statistical_tests.distances import DistanceResult
from ..statistical_tests.pooled_chi_squared import PooledChiSquared, pooled_chi_squared
from .measurement import Measurement
from .method_spec import CategoricalMeasure

MAX_EXAMPLES = 10
UNSEEN = "(unseen)"
ALL_RARE = "Every category is expected in fewer than 5 rows of a window, so only one standing out would be seen."


def pooled_test(reference: CategoricalReference, profile: CategoricalProfile) -> PooledChiSquared:
    """The chi-squared test, with rare categories pooled."""
    categories, reference_counts, current_counts = _named_counts(reference, profile)
    is_seen = reference_counts + current_counts > 0
    return pooled_chi_squared(
        reference_counts[is_seen],
        current_counts[is_seen],
        categories.filter(pa.array(is_seen)),
        other=reference.other,
    )


def rarity_caveat(pooled: PooledChiSquared) -> str:
    """The reason why finding nothing proves nothing, or nothing."""
    return "" if pooled.is_conclusive else ALL_RARE


def has_frequent(reference: CategoricalReference) -> bool:
    """True if a category is frequent enough in the reference for a test of windows of its size."""
    return int(reference.counts.max(initial=0)) >= MIN_EXPECTED


def describe_new_categories(
    reference: CategoricalReference, profile: CategoricalProfile
) -> dict[str, Any]:
    """Categories that the reference never held, most frequent first; None where it had too many to keep."""
    if reference.other:
        return {"new_categories": None, "new_category_examples": []}
    counts = profile.unseen.counts
    examples = sorted(counts, key=lambda name: (-counts[name], name))[:MAX_EXAMPLES]
    return {"new_categories": len(counts), "new_category_examples": examples}


def categorical_distance(
    distance: Callable[[IntArray, IntArray], DistanceResult],
) -> CategoricalMeasure:
    """A measure that takes a distance of the categories' counts; its evidence is the pooled test."""

    def measure(reference: CategoricalReference, profile: CategoricalProfile) -> Measurement:
        _, reference_counts, current_counts = _named_counts(reference, profile)
        result = distance(
            np.append(reference_counts, reference.other), np.append(current_counts, 0)
        )
        pooled = pooled_test(reference, profile)
        return Measurement(
            statistic=result.statistic,
            effect_size=result.effect_size,
            p_value=pooled.result.p_value,
            explanation={"top_categories": pooled.result.top_categories},
            caveat=rarity_caveat(pooled),
            is_judgeable=pooled.is_conclusive or has_frequent(reference),
        )

    return measure


def _named_counts(
    reference: CategoricalReference, profile: CategoricalProfile
) -> tuple[pa.Array, IntArray, IntArray]:
    """The categories of both windows and their counts in each, the reference's first."""
    names, rows = _unseen_counts(profile)
    categories = pa.concat_arrays([reference.categories, pa.array(names, pa.large_string())])
    reference_counts = np.concatenate([reference.counts, np.zeros(len(rows), np.int64)])
    current_counts = np.concatenate([profile.counts, np.array(rows, np.int64)])
    return categories, reference_counts, current_counts


def _unseen_counts(profile: CategoricalProfile) -> tuple[list[str], list[int]]:
    """The names and rows of categories that the reference never held; those without a name come last."""
    unseen = profile.unseen
    names, rows = list(unseen.counts), list(unseen.counts.values())
    if rest := unseen.rows - sum(rows):
        return [*names, UNSEEN], [*rows, rest]
    return names, rows
