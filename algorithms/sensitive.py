"""Takes the values out of what is said of a sensitive feature: shares and effects stay."""

from dataclasses import replace

from .method_results import FeatureDetail
from .schema_changes import SchemaChange
from .verdicts import Verdict

KEPT = frozenset({"reference_shares", "current_shares", "outside", "new_categories", "change"})
"""Parts of explanations that are shares or numbers of rows; new parts are left out until named here."""
NOT_READ = "The column could not be read. What it holds is not shown, as the feature is sensitive."
RETYPED = "The column holds values of another type than in the reference."


def without_values(detail: FeatureDetail) -> FeatureDetail:
    """The record of a sensitive feature, with neither values nor places in its range."""
    return replace(
        detail,
        reason=_reason(detail),
        reference_summary=None,
        current_summary=None,
        explanation={name: each for name, each in detail.explanation.items() if name in KEPT},
    )


def _reason(detail: FeatureDetail) -> str:
    """The reason; one of an error or of another type is replaced, as it may quote a value."""
    if detail.explanation.get("change") == SchemaChange.RETYPED.value:
        return RETYPED
    return NOT_READ if detail.verdict is Verdict.ERROR else detail.reason
