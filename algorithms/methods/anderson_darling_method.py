"""The two-sample Anderson–Darling test, which weighs the tails more than the middle."""

from ..profiles import NumericProfile
from ..references import NumericReference
from ..statistical_tests.anderson_darling import anderson_darling
from .measurement import Measurement
from .method_spec import MethodSpec, ThresholdKind


def _measure(reference: NumericReference, profile: NumericProfile) -> Measurement:
    result = anderson_darling(reference.counts, profile.counts)
    return Measurement(
        statistic=result.statistic,
        effect_size=result.effect_size,
        p_value=result.p_value,
        explanation={"a2": result.a2, "cells": reference.grid.cells},
    )


SPEC = MethodSpec(
    title="Anderson–Darling test",
    threshold_kind=ThresholdKind.SIGNIFICANCE,
    tolerance=0.02,
    numeric=_measure,
)
