"""Serves `/api/v1/alerts` and `/api/v1/dashboard`."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from alerts import selectors
from alerts.dashboard import get_dashboard
from alerts.filters import AlertFilter
from alerts.models import Alert
from alerts.serializers import AlertSerializer, DashboardSerializer
from drift_detector.api.queries import takes_query
from drift_detector.api.views import TenantAPIView

LONGEST_DAYS = 366
DAYS = OpenApiParameter(
    "days",
    {"type": "integer", "minimum": 1, "maximum": LONGEST_DAYS, "default": 7},
    description=f"1 to {LONGEST_DAYS}; 7 by default.",
)


@extend_schema_view(
    list=extend_schema(description="List alerts: one per episode."),
    retrieve=extend_schema(description="Read an alert, with its drifted features."),
)
class AlertViewSet(TenantAPIView, ReadOnlyModelViewSet[Alert]):
    lookup_value_converter = "uuid"
    queryset = Alert.objects.none()
    serializer_class = AlertSerializer
    filterset_class = AlertFilter

    def get_queryset(self) -> QuerySet[Alert]:
        """All alerts; a list has those that were never opened only if it asks for a phase or a run."""
        is_asked = self.action != "list" or {"phase", "run"} & set(self.request.query_params)
        return selectors.list_alerts() if is_asked else selectors.list_opened_alerts()


class DashboardView(TenantAPIView):
    @takes_query(DAYS)
    @extend_schema(responses=DashboardSerializer)
    def get(self, request: Request) -> Response:
        """The tenant's monitors, runs, drift and unacknowledged alerts of the last days."""
        dashboard = get_dashboard(days=_days(request))
        return Response(DashboardSerializer(dashboard).data)


def _days(request: Request) -> int:
    text = request.query_params.get("days", "7")
    is_number = text.isascii() and text.isdecimal()
    if not is_number or not 1 <= int(text[:9]) <= LONGEST_DAYS:
        message = f"days must be a number from 1 to {LONGEST_DAYS}, not {text[:20]!r}."
        raise ValidationError({"days": message})
    return int(text)
