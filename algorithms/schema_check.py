"""Compares the columns of a window with those of the reference: lost, retyped and new ones."""

from collections.abc import Iterable
from dataclasses import replace

from .method_results import FeatureDetail
from .profiles import CategoricalProfile, FeatureProfile, Unprofiled
from .references import CategoricalReference, FeatureReference
from .schema_changes import SchemaChange
from .verdicts import Severity, Signal, Verdict

MOST_NEW_COLUMNS = 100


def require_type(
    reference: FeatureReference, profile: FeatureProfile | Unprofiled
) -> FeatureProfile | Unprofiled:
    """The profile, unless it holds words alone where the reference holds values of another type."""
    if not isinstance(reference, CategoricalReference) or not isinstance(
        profile, CategoricalProfile
    ):
        return profile
    if not reference.is_retyped(profile):
        return profile
    word = min(profile.unseen.counts)
    reason = (
        f"Expected {reference.value_type} values, as in the reference, not text such as {word!r}."
    )
    return Unprofiled(reason=reason, change=SchemaChange.RETYPED)


def check_column(known: FeatureDetail, profile: FeatureProfile | Unprofiled) -> FeatureDetail:
    """The finding about a column of the reference.

    Args:
        known: The record of the feature.
        profile: Its window; the column may have been unreadable for another cause, which is an error.
    """
    if not isinstance(profile, Unprofiled):
        return known
    if profile.change is None:
        return replace(known, verdict=Verdict.ERROR, reason=profile.reason)
    return replace(
        known,
        verdict=Verdict.DRIFT,
        signal=Signal.DRIFT,
        severity=Severity.CRITICAL,
        reason=profile.reason,
        explanation={"change": profile.change.value},
    )


def list_new_columns(names: Iterable[str]) -> list[FeatureDetail]:
    """The findings about columns that the reference does not have, which say nothing about the features."""
    return [
        FeatureDetail(
            feature=name,
            kind=None,
            verdict=Verdict.OK,
            severity=Severity.INFO,
            reason="The reference has no such column.",
            explanation={"change": SchemaChange.NEW.value},
        )
        for name in sorted(names)[:MOST_NEW_COLUMNS]
    ]
