"""The share of rows whose category the reference never held."""

import numpy as np

from ..profiles import CategoricalProfile
from ..references import CategoricalReference
from ..statistical_tests import checks
from .category_counts import describe_new_categories
from .measurement import Measurement, share_measurement
from .method_spec import MethodSpec, ThresholdKind

TOO_MANY_CATEGORIES = (
    "The reference had more categories than are kept, so which ones are new is unknown."
)


def _measure(reference: CategoricalReference, profile: CategoricalProfile) -> Measurement:
    singletons = int(np.count_nonzero(reference.counts == 1))
    result = checks.new_categories(profile.unseen.rows, profile.rows, singletons, reference.n)
    caveat = TOO_MANY_CATEGORIES if reference.other else ""
    return share_measurement(result, describe_new_categories(reference, profile), caveat)


SPEC = MethodSpec(
    title="New categories",
    threshold_kind=ThresholdKind.SIZE,
    threshold=0.01,
    categorical=_measure,
    is_default=True,
)
