"""The share of values outside the range of the reference."""

from ..profiles import NumericProfile
from ..references import NumericReference
from ..statistical_tests import checks
from .measurement import Measurement, share_measurement
from .method_spec import MethodSpec, ThresholdKind


def _measure(reference: NumericReference, profile: NumericProfile) -> Measurement:
    found = profile.moments
    unusual_infinite = 0 if reference.infinite else profile.infinite
    outside = found.rows_below + found.rows_above + unusual_infinite
    explanation = {
        "reference_range": [reference.summary.minimum, reference.summary.maximum],
        "current_range": [found.minimum, found.maximum],
        "outside": outside,
    }
    return share_measurement(checks.out_of_range(outside, reference.n, profile.rows), explanation)


SPEC = MethodSpec(
    title="Values out of range",
    threshold_kind=ThresholdKind.SIZE,
    threshold=0.01,
    numeric=_measure,
    is_default=True,
)
