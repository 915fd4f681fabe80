"""Describes a statistical method: everything that the product knows about it, in one place."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..columns import FeatureKind
from ..profiles import CategoricalProfile, FeatureProfile, NumericProfile
from ..references import CategoricalReference, FeatureReference, NumericReference
from .measurement import Measurement
from .method_limits import LEVEL, Limits, significance_limits, size_limits

type NumericMeasure = Callable[[NumericReference, NumericProfile], Measurement]
type CategoricalMeasure = Callable[[CategoricalReference, CategoricalProfile], Measurement]
type SeveralNumbers = Callable[
    [Sequence[tuple[NumericReference, NumericProfile]]], list[Measurement]
]
type SeveralCategories = Callable[
    [Sequence[tuple[CategoricalReference, CategoricalProfile]]], list[Measurement]
]
type RowCountMeasure = Callable[[Sequence[int], int], Measurement]


class ThresholdKind(StrEnum):
    """The meaning of a method's threshold."""

    SIGNIFICANCE = "significance"
    """The threshold is compared with the p-value; a tolerance says which effect sizes matter."""
    SIZE = "size"
    """The threshold is compared with the statistic, and is the tolerance too."""
    NONE = "none"
    """There is no threshold: the method states facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSpec:
    """A method that compares two windows of one feature, the row counts of windows, or their columns.

    Attributes:
        title: Its usual name.
        threshold_kind: The meaning of its threshold.
        threshold: The default threshold.
        tolerance: The default tolerance, where the threshold is a significance level.
        scale: The effect size by which severity is measured, where it is larger than the tolerance.
        warning: The effect size that is worth a warning; None for half the tolerance.
        highest_threshold: The largest threshold that a monitor may set.
        numeric: Measures a numeric feature; None if it compares no numbers.
        categorical: Measures a categorical feature; None if it compares no categories.
        several_numbers: Measures several numeric features that have the same cells and no values; None to measure one
            after the other.
        several_categories: Measures several categorical features that have the same categories; None as above.
        row_count: Measures the row count of a window, for a method that looks at no feature.
        checks_schema: Whether it compares the columns and their types, and no values.
        counts_missing: Whether rows without a value are usable rows.
        is_default: Whether a monitor that names no method runs it.
        kinds: The kinds of features that it compares.
    """

    title: str
    threshold_kind: ThresholdKind
    threshold: float = LEVEL
    tolerance: float = 0.1
    scale: float = 0.0
    warning: float | None = None
    highest_threshold: float = 1.0
    numeric: NumericMeasure | None = None
    categorical: CategoricalMeasure | None = None
    several_numbers: SeveralNumbers | None = None
    several_categories: SeveralCategories | None = None
    row_count: RowCountMeasure | None = None
    checks_schema: bool = False
    counts_missing: bool = False
    is_default: bool = False
    kinds: frozenset[FeatureKind] = field(init=False)

    def __post_init__(self) -> None:
        measures = {FeatureKind.NUMERIC: self.numeric, FeatureKind.CATEGORICAL: self.categorical}
        kinds = frozenset(kind for kind, measure in measures.items() if measure is not None)
        object.__setattr__(self, "kinds", kinds)

    def compares(self, kinds: Collection[FeatureKind]) -> bool:
        """True if it compares features of one of these kinds, or looks at the window as a whole."""
        looks_at_whole = self.checks_schema or self.row_count is not None
        return looks_at_whole or not self.kinds.isdisjoint(kinds)

    @property
    def is_significance(self) -> bool:
        """True if its threshold is a significance level."""
        return self.threshold_kind is ThresholdKind.SIGNIFICANCE

    def limits(self, threshold: float | None = None, tolerance: float | None = None) -> Limits:
        """The limits with a monitor's own numbers; those not given are the defaults, and not fixed.

        Args:
            threshold: The monitor's threshold.
            tolerance: The monitor's tolerance, used where the threshold is a significance level.
        """
        limit = self.threshold if threshold is None else threshold
        if not self.is_significance:
            return replace(size_limits(limit, self.warning), is_fixed=threshold is not None)
        if tolerance is None:
            return significance_limits(limit, self.tolerance, self.scale)
        return replace(significance_limits(limit, tolerance), is_fixed=True)

    def measure(self, reference: FeatureReference, profile: FeatureProfile) -> Measurement:
        """Measure one feature; both windows hold rows.

        Raises:
            TypeError: If it does not compare features of this kind, or the two are of different kinds.
        """
        match reference, profile:
            case NumericReference(), NumericProfile() if self.numeric:
                return self.numeric(reference, profile)
            case CategoricalReference(), CategoricalProfile() if self.categorical:
                return self.categorical(reference, profile)
        raise TypeError(
            f"{self.title} cannot compare a {reference.kind} feature with a {type(profile).__name__}."
        )

    def measure_several(
        self, pairs: Sequence[tuple[FeatureReference, FeatureProfile]]
    ) -> list[Measurement]:
        """Measure one feature on several slices; the numbers are those of `measure`, without an explanation.

        Raises:
            TypeError: As `measure`.
        """
        numbers = [
            (reference, profile)
            for reference, profile in pairs
            if isinstance(reference, NumericReference) and isinstance(profile, NumericProfile)
        ]
        categories = [
            (reference, profile)
            for reference, profile in pairs
            if isinstance(reference, CategoricalReference)
            and isinstance(profile, CategoricalProfile)
        ]
        if self.several_numbers and numbers and len(numbers) == len(pairs):
            return self.several_numbers(numbers)
        if self.several_categories and categories and len(categories) == len(pairs):
            return self.several_categories(categories)
        return [self.measure(reference, profile) for reference, profile in pairs]
