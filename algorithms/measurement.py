"""Measures one feature: its current window against its reference, before any judgement."""

from .categorical_measures import CATEGORICAL_METHODS
from .measures import Measurement
from .numeric_measures import NUMERIC_METHODS
from .plan import Method
from .profiles import CategoricalProfile, FeatureProfile, NumericProfile
from .references import CategoricalReference, FeatureReference, NumericReference

__all__ = ["Measurement", "measure"]


def measure(method: Method, reference: FeatureReference, profile: FeatureProfile) -> Measurement:
    """Run one method on one feature; both windows hold rows and are of a kind that it compares."""
    if isinstance(reference, NumericReference) and isinstance(profile, NumericProfile):
        return NUMERIC_METHODS[method](reference, profile)
    if isinstance(reference, CategoricalReference) and isinstance(profile, CategoricalProfile):
        return CATEGORICAL_METHODS[method](reference, profile)
    raise TypeError(
        f"{method} cannot compare a {reference.kind} feature with a {type(profile).__name__}."
    )
