"""Serves `/api/v1/quotas`."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from drift_detector.api.problems import describe_quota
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import list_standings


class QuotaSerializer(serializers.Serializer[None]):
    quota = serializers.ChoiceField(choices=Quota.choices)
    limit = serializers.IntegerField(help_text="0 allows nothing.")
    used = serializers.IntegerField(
        help_text="What is used since midnight (UTC), or what there is; of storage, when it was last measured."
    )
    until = serializers.DateTimeField(
        allow_null=True,
        help_text="When it begins anew; null for what is there until it is removed.",
    )


class QuotasView(TenantAPIView):
    @extend_schema(operation_id="quotas", responses=QuotaSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Your tenant's quotas, and how far they are used."""
        return Response([describe_quota(standing) for standing in list_standings()])
