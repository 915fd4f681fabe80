"""Serves `/api/v1/audit`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from drift_detector.api.problem_documents import MEDIA_TYPE
from drift_detector.api.views import TenantAPIView
from drift_detector.audit import selectors
from drift_detector.audit.filters import AuditFilter
from drift_detector.audit.models import AuditEntry
from drift_detector.tenancy.models import Scope

PROBLEM = {"$ref": "#/components/schemas/Problem"}


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    actor_name = serializers.CharField(
        read_only=True, help_text="The name that the actor has today; empty if it is gone."
    )
    before = serializers.DictField(
        read_only=True, allow_null=True, help_text="The values that were changed or removed."
    )
    after = serializers.DictField(
        read_only=True, allow_null=True, help_text="The values that they were changed to."
    )

    class Meta:
        model = AuditEntry
        fields = [
            "id", "created_at", "actor_kind", "actor_id", "actor_name", "action", "object_type", "object_id", "before",
            "after", "request_id", "address",
        ]  # fmt: skip
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(
        responses={200: AuditEntrySerializer(many=True), (403, MEDIA_TYPE): PROBLEM},
        description="List what was changed, read and refused in your tenant, newest first. Needs the scope admin.",
    )
)
class AuditViewSet(TenantAPIView, ListModelMixin, GenericViewSet[AuditEntry]):
    """The entries of the audit trail: actor, action and object."""

    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilter
    queryset = AuditEntry.objects.none()
    scope_to_read = Scope.ADMIN

    def get_queryset(self) -> QuerySet[Any]:
        return selectors.list_entries()
