"""Pearson's chi-squared test on categories, with rare categories pooled."""

from collections.abc import Sequence

import numpy as np

from ..profiles import CategoricalProfile
from ..references import CategoricalReference
from ..statistical_tests.several_windows import chi_squared_of_several, have_rare
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


type _Pair = tuple[CategoricalReference, CategoricalProfile]


def _measure_several(pairs: Sequence[_Pair]) -> list[Measurement]:
    """Those with all categories known and frequent are measured together, the others one by one."""
    before = np.stack([reference.counts for reference, _ in pairs])
    after = np.stack([profile.counts for _, profile in pairs])
    is_plain = ~have_rare(before, after) & [_is_known(*each) for each in pairs]
    together = iter(chi_squared_of_several(before[is_plain], after[is_plain]))
    return [
        Measurement(**next(together)._asdict()) if plain else _measure(*each)
        for each, plain in zip(pairs, is_plain.tolist(), strict=True)
    ]


def _is_known(reference: CategoricalReference, profile: CategoricalProfile) -> bool:
    """True if all rows of both windows are of the reference's categories."""
    return not reference.other and not profile.unseen.rows


SPEC = MethodSpec(
    title="Chi-squared test",
    threshold_kind=ThresholdKind.SIGNIFICANCE,
    categorical=_measure,
    several_categories=_measure_several,
    is_default=True,
)
