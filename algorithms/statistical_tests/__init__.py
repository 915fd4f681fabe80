"""Two-sample tests and distances between a reference window and a current one."""

from algorithms.statistical_tests.chi_squared import (
    ChiSquaredResult,
    chi_squared,
    chi_squared_from_counts,
)
from algorithms.statistical_tests.ks_test import KsResult, ks_test
from algorithms.statistical_tests.psi import PsiResult, psi

__all__ = [
    "ChiSquaredResult",
    "KsResult",
    "PsiResult",
    "chi_squared",
    "chi_squared_from_counts",
    "ks_test",
    "psi",
]
