"""Pearson's chi-squared test on categories, with rare categories pooled."""

from ..profiles import CategoricalProfile
from ..references import CategoricalReference
from .category_counts import describe_new_categories, has_frequent, pooled_test, rarity_caveat
from .measurement import Measurement
from .method_spec import MethodSpec, ThresholdKind


def _measure(reference: CategoricalReference, profile: CategoricalProfile) -> Measurement:
    pooled = pooled_test(reference, profile)
    result = pooled.result
    return Measurement(
        statistic=result.statistic,
        p_value=result.p_value,
        effect_size=result.effect_size,
        explanation={
            "degrees_of_freedom": result.degrees_of_freedom,
            "top_categories": result.top_categories,
            "pooled_categories": pooled.pooled_categories,
            "is_exact": pooled.is_exact,
            **describe_new_categories(reference, profile),
        },
        caveat=rarity_caveat(pooled),
        is_judgeable=pooled.is_conclusive or has_frequent(reference),
    )


SPEC = MethodSpec(
    title="Chi-squared test",
    threshold_kind=ThresholdKind.SIGNIFICANCE,
    categorical=_measure,
    is_default=True,
)
