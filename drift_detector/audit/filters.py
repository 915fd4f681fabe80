"""Filters of the audit trail."""

from django_filters import rest_framework as filters

from drift_detector.api.filters import InstantFilter, TextFilter
from drift_detector.audit.models import ACTOR_KINDS, AuditEntry


class AuditFilter(filters.FilterSet):
    actor_kind = filters.ChoiceFilter(choices=ACTOR_KINDS)
    actor_id = TextFilter()
    action = filters.ChoiceFilter(choices=AuditEntry.Action.choices)
    object_type = TextFilter()
    object_id = TextFilter()
    since = InstantFilter(field_name="created_at", lookup_expr="gte")
    until = InstantFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields: list[str] = []
