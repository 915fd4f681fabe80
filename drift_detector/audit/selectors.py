"""Finds entries of the audit trail."""

from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce

from drift_detector.audit.models import AuditEntry
from drift_detector.tenancy.models import ApiKey, User
from drift_detector.tenancy.principal import ActorKind


def list_entries() -> QuerySet[Any]:
    """The entries of the current tenant with the names that actors have today; a name that is gone is empty."""
    # A branch casts only the ids of its kind.
    person = User.objects.filter(pk=Cast(OuterRef("actor_id"), BigIntegerField()))
    key = ApiKey.objects.filter(pk=Cast(OuterRef("actor_id"), UUIDField()))
    name = Case(
        When(actor_kind=ActorKind.USER, then=_text(person, "username")),
        When(actor_kind=ActorKind.KEY, then=_text(key, "name")),
        default=F("actor_id"),
        output_field=CharField(),
    )
    return AuditEntry.objects.annotate(actor_name=name)


def _text(rows: QuerySet[Any], field: str) -> Coalesce:
    return Coalesce(Subquery(rows.values(field)[:1], output_field=CharField()), Value(""))
