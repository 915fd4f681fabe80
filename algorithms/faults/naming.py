"""Collects what a fault is sought in, of each feature that may have drifted, until all features are judged."""

from collections.abc import Collection, Mapping

from ..judgement import judge
from ..methods import METHODS, Measurement, Method
from ..plan import EvaluationPlan
from ..profiles import CategoricalProfile, FeatureProfile, NumericProfile
from ..references import CategoricalReference, FeatureReference, NumericReference
from ..verdicts import Signal
from .category_evidence import CategoryEvidence
from .fault_registry import Evidence
from .numeric_evidence import NumericEvidence


def evidence_of(
    reference: FeatureReference,
    profile: FeatureProfile,
    measured: Mapping[Method, Measurement],
    plan: EvaluationPlan,
) -> Evidence | None:
    """The data in which the feature's fault is sought; None if it has not drifted or no fault is asked for.

    The adjusted p-value is known after all features alone. It is never below the p-value, so what does not drift by
    that one does not drift.
    """
    if not plan.names_faults or reference.name in plan.sensitive:
        return None
    drifted = [each for each in measured if _drifts(each, measured[each], reference.name, plan)]
    compared = [each for each in drifted if not METHODS[each].counts_missing]
    return _collected(reference, profile, compared, plan) if compared else None


def _drifts(method: Method, measured: Measurement, feature: str, plan: EvaluationPlan) -> bool:
    limits = plan.limits(method, feature)
    signal = judge(method, measured, limits, plan.policy, p_adjusted=measured.p_value)
    return signal is Signal.DRIFT


def _collected(
    reference: FeatureReference,
    profile: FeatureProfile,
    methods: Collection[Method],
    plan: EvaluationPlan,
) -> Evidence | None:
    if isinstance(reference, NumericReference) and isinstance(profile, NumericProfile):
        return NumericEvidence.of(reference, profile)
    if isinstance(reference, CategoricalReference) and isinstance(profile, CategoricalProfile):

        def is_same(corrected: CategoricalProfile) -> bool:
            return not any(
                _drifts(each, METHODS[each].measure(reference, corrected), reference.name, plan)
                for each in methods
            )

        return CategoryEvidence(reference=reference, profile=profile, is_same=is_same)
    return None
