"""Statistical methods: one module describes and measures each, and the registry lists them."""

from .measurement import Measurement
from .method_limits import Limits, significance_limits, size_limits
from .method_registry import DEFAULT_LIMITS, DEFAULT_METHODS, FEATURE_METHODS, METHODS, Method
from .method_spec import MethodSpec, ThresholdKind

__all__ = [
    "DEFAULT_LIMITS",
    "DEFAULT_METHODS",
    "FEATURE_METHODS",
    "METHODS",
    "Limits",
    "Measurement",
    "Method",
    "MethodSpec",
    "ThresholdKind",
    "significance_limits",
    "size_limits",
]
