"""Choices of fields that several models share."""

from algorithms.method_results import PerformanceMethod, Reference
from algorithms.methods import Method
from algorithms.verdicts import Severity, Verdict
from detections.models.outcomes import CONCEPT_METHODS

VERDICTS = [(verdict.value, verdict.value) for verdict in Verdict]
PERFORMANCE_METHODS = [(method.value, method.value) for method in PerformanceMethod]
METHODS = (
    [(method.value, method.value) for method in Method] + CONCEPT_METHODS + PERFORMANCE_METHODS
)
REFERENCES = [(reference.value, reference.value) for reference in Reference]
SEVERITIES = [(severity.value, severity.value) for severity in Severity]


def method_choices() -> list[tuple[str, str]]:
    """All methods. A callable, so that a new method needs no migration."""
    return METHODS
