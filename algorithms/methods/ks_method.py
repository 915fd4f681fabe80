"""The two-sample Kolmogorov–Smirnov test."""

from ..profiles import NumericProfile
from ..references import NumericReference
from ..statistical_tests.ks_test import Counted, KsResult, ks_from_cells, values_inside
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


# The tolerance and the scale are a normal feature that moves by 0.09 and by 0.25 standard deviations.
SPEC = MethodSpec(
    title="Kolmogorov–Smirnov test",
    threshold_kind=ThresholdKind.SIGNIFICANCE,
    tolerance=0.035,
    scale=0.1,
    numeric=_measure,
    is_default=True,
)
