"""The Hellinger distance of the bins' or categories' shares."""

from ..statistical_tests.distances import hellinger
from .category_counts import categorical_distance
from .method_spec import MethodSpec, ThresholdKind
from .numeric_counts import numeric_distance

SPEC = MethodSpec(
    title="Hellinger distance",
    threshold_kind=ThresholdKind.SIZE,
    threshold=0.1,
    numeric=numeric_distance(hellinger),
    categorical=categorical_distance(hellinger),
)
