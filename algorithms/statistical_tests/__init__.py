"""Tests and measures the difference between a reference window and a current one."""

from .chi_squared import (
    ChiSquaredResult,
    chi_squared,
    chi_squared_from_counts,
)
from .ks_test import KsResult, ks_test
from .psi import PsiResult, psi

__all__ = [
    "ChiSquaredResult",
    "KsResult",
    "PsiResult",
    "chi_squared",
    "chi_squared_from_counts",
    "ks_test",
    "psi",
]
