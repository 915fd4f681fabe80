"""The two-sample Kolmogorov–Smirnov test."""

from collections.abc import Sequence

import numpy as np

from ..profiles import NumericProfile
from ..references import NumericReference
from ..statistical_tests.ks_test import Counted, KsResult, ks_from_cells, values_inside
from ..statistical_tests.several_windows import ks_of_several
from .measurement import Measurement
from .method_spec import MethodSpec, ThresholdKind


def ks_result(reference: NumericReference, profile: NumericProfile) -> KsResult:
    """The test on the cells' counts; exact if both windows kept their values."""
    chunks = profile.values
    if reference.values is None or chunks is None:
        return ks_from_cells(reference.grid, Counted(reference.counts), Counted(profile.counts))
    before = Counted(reference.counts, reference.values_inside)
    after = Counted(profile.counts, lambda wanted: values_inside(chunks, profile.counts, wanted))
    return ks_from_cells(reference.grid, before, after)


def _measure(reference: NumericReference, profile: NumericProfile) -> Measurement:
    result = ks_result(reference, profile)
    return Measurement(
        statistic=result.statistic,
        p_value=result.p_value,
        effect_size=result.effect_size,
        explanation={
            "location": result.location,
            "current_is": "higher" if result.sign > 0 else "lower",
            "error_bound": result.error_bound,
        },
    )


def _measure_several(
    pairs: Sequence[tuple[NumericReference, NumericProfile]],
) -> list[Measurement]:
    before = np.stack([reference.counts for reference, _ in pairs])
    after = np.stack([profile.counts for _, profile in pairs])
    return [Measurement(**each._asdict()) for each in ks_of_several(before, after)]


# The tolerance and the scale are a normal feature that moves by 0.09 and by 0.25 standard deviations.
SPEC = MethodSpec(
    title="Kolmogorov–Smirnov test",
    threshold_kind=ThresholdKind.SIGNIFICANCE,
    tolerance=0.035,
    scale=0.1,
    numeric=_measure,
    several_numbers=_measure_several,
    is_default=True,
)
