"""The library: compares tables, keeps baselines, and shows what was found; the command and the service share it."""

from .comparison import Comparison, FailOn, FeatureRow
from .memory import Baseline, compare

__all__ = ["Baseline", "Comparison", "FailOn", "FeatureRow", "compare"]
