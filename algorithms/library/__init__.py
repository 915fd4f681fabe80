"""The library: compares tables, keeps baselines, and shows what was found; the command and the service share it."""

from .in_memory import Baseline, compare
from .table_comparison import Comparison, FailOn, FeatureRow

__all__ = ["Baseline", "Comparison", "FailOn", "FeatureRow", "compare"]
