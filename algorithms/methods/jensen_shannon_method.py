"""The Jensen–Shannon distance of the bins' or categories' shares."""

from ..statistical_tests.distances import jensen_shannon
from .category_counts import categorical_distance
from .method_spec import MethodSpec, ThresholdKind
from .numeric_counts import numeric_distance

SPEC = MethodSpec(
    title="Jensen–Shannon distance",
    threshold_kind=ThresholdKind.SIZE,
    threshold=0.1,
    numeric=numeric_distance(jensen_shannon),
    categorical=categorical_distance(jensen_shannon),
)
