"""The Population Stability Index over the reference's quantile bins."""

from ..profiles import NumericProfile
from ..references import NumericReference
from ..statistical_tests.psi import psi_from_bins
from .measurement import Measurement, homogeneity_p_value
from .method_spec import MethodSpec, ThresholdKind
from .numeric_counts import bin_counts, bin_shares


def _measure(reference: NumericReference, profile: NumericProfile) -> Measurement:
    reference_counts, current_counts = bin_counts(reference, profile)
    result = psi_from_bins(reference.bin_edges, reference_counts, current_counts)
    return Measurement(
        statistic=result.statistic,
        effect_size=result.effect_size,
        p_value=homogeneity_p_value(reference_counts, current_counts),
        explanation=bin_shares(reference, reference_counts, current_counts),
    )


# 0.1 and 0.2 are the usual limits (Siddiqi, Credit Risk Scorecards, 2006).
SPEC = MethodSpec(
    title="Population Stability Index",
    threshold_kind=ThresholdKind.SIZE,
    threshold=0.2,
    warning=0.1,
    highest_threshold=100.0,
    numeric=_measure,
    is_default=True,
)
