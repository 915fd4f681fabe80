"""The share of rows without a value."""

from ..profiles import FeatureProfile
from ..references import FeatureReference
from ..statistical_tests import checks
from .measurement import Measurement, share_measurement
from .method_spec import MethodSpec, ThresholdKind


def _measure(reference: FeatureReference, profile: FeatureProfile) -> Measurement:
    reference_rows = reference.n + reference.missing
    current_rows = profile.rows + profile.missing
    return share_measurement(
        checks.null_rate(reference.missing, reference_rows, profile.missing, current_rows)
    )


SPEC = MethodSpec(
    title="Null rate",
    threshold_kind=ThresholdKind.SIZE,
    threshold=0.05,
    numeric=_measure,
    categorical=_measure,
    counts_missing=True,
    is_default=True,
)
