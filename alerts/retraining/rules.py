"""Finds and changes the rules for retraining: of a model, of a tenant, of the installation."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from alerts.models import RetrainingRule
from alerts.retraining.evidence import INSTALLATION_RULE, Rule
from algorithms.verdicts import Severity
from drift_detector.tenancy.scope import current_tenant_id
from monitors.models import Baseline, Monitor


def get_rule(model_id: UUID | None) -> RetrainingRule | None:
    """The stored rule of a model, or of the tenant for None."""
    if model_id is None:
        return RetrainingRule.objects.filter(model_id__isnull=True).first()
    return RetrainingRule.objects.filter(model_id=model_id).first()


def rule_for(model_id: UUID) -> Rule:
    """The rule that holds for a model: its own, else the tenant's, else the installation's."""
    stored = get_rule(model_id) or get_rule(None)
    return INSTALLATION_RULE if stored is None else as_rule(stored)


def as_rule(stored: RetrainingRule) -> Rule:
    """A stored rule as it is weighed."""
    return Rule(
        needs_all=stored.combine == RetrainingRule.Combine.ALL,
        persistence_runs=stored.persistence_runs,
        performance=stored.performance,
        features=None if stored.features is None else tuple(stored.features),
        least_severity=Severity(stored.least_severity),
        cooldown=stored.cooldown,
        shortest_range=stored.shortest_range,
        verify_windows=stored.verify_windows,
        deploy_within=stored.deploy_within,
        verify_within=stored.verify_within,
    )


def as_stored(rule: Rule) -> RetrainingRule:
    """A rule in the form of the API, not saved."""
    return RetrainingRule(
        combine=RetrainingRule.Combine.ALL if rule.needs_all else RetrainingRule.Combine.ANY,
        persistence_runs=rule.persistence_runs,
        performance=rule.performance,
        features=None if rule.features is None else list(rule.features),
        least_severity=rule.least_severity.value,
        cooldown=rule.cooldown,
        shortest_range=rule.shortest_range,
        verify_windows=rule.verify_windows,
        deploy_within=rule.deploy_within,
        verify_within=rule.verify_within,
    )


def put_rule(model_id: UUID | None, fields: Mapping[str, Any], *, by: str) -> RetrainingRule:
    """Store the rule of a model, or of the tenant for None.

    Raises:
        ValidationError: If it names a feature that no monitor has.
    """
    check_features(model_id, fields.get("features"))
    rule, _ = RetrainingRule.objects.update_or_create(
        tenant_id=current_tenant_id(),
        model_id=model_id,
        defaults={**fields, "changed_by": by},
    )
    return rule


def check_features(model_id: UUID | None, names: list[str] | None) -> None:
    """Refuse names of features that no monitor of the model, or of the tenant, has.

    Raises:
        ValidationError: With the names that are unknown.
    """
    unknown = sorted(set(names or ()) - _known_features(model_id))
    if unknown:
        whose = "the model" if model_id else "the tenant"
        listed = ", ".join(map(repr, unknown[:5]))
        raise ValidationError(
            {"features": f"features must be those of monitors of {whose}; {listed} is none."}
        )


def _known_features(model_id: UUID | None) -> set[str]:
    monitors = Monitor.objects.filter(model_id=model_id) if model_id else Monitor.objects.all()
    known: set[str] = set()
    for named in monitors.values_list("feature_columns", flat=True):
        known |= set(named)
    ready = Baseline.objects.filter(monitor__in=monitors, status=Baseline.Status.READY)
    latest = ready.order_by("monitor_id", "-version").distinct("monitor_id")
    for features in latest.values_list("features", flat=True):
        known |= set(features)
    return known
