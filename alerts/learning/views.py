"""Serves `/api/v1/monitors/{id}/precision`, the monitor's suggestions, and `/api/v1/suggestions`."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from alerts.learning import suggestions
from alerts.learning.judged_alerts import list_judged_alerts
from alerts.learning.precision import Precision, precision_by_feature, precision_of
from alerts.learning.serializers import (
    LearntSerializer,
    MonitorPrecisionSerializer,
    SuggestionSerializer,
)
from alerts.models import Suggestion
from detections.backtests.services import NoBacktest
from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.queries import PAGING, takes_query
from drift_detector.api.serializers import check_no_fields
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope
from monitors.models import Monitor


class MonitorPrecisionView(TenantAPIView):
    @extend_schema(operation_id="monitors_precision", responses=MonitorPrecisionSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """Count how often the monitor's alerts were right, by the reasons of their acknowledgements."""
        monitor = get_object_or_404(Monitor, id=pk)
        judged = list_judged_alerts(monitor.id)
        features = [
            {"feature": name, **_shown(each)} for name, each in precision_by_feature(judged).items()
        ]
        answer = {**_shown(precision_of(judged)), "features": features}
        return Response(MonitorPrecisionSerializer(answer).data)


def _shown(precision: Precision) -> dict[str, Any]:
    return {"counts": precision.counts, "precision": precision.precision}


class MonitorSuggestionsView(TenantAPIView, GenericAPIView[Suggestion]):
    scope_to_write = Scope.MONITORS_WRITE
    queryset = Suggestion.objects.none()
    serializer_class = SuggestionSerializer

    @takes_query(*PAGING)
    @extend_schema(operation_id="monitors_suggestions", responses=SuggestionSerializer(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        """The monitor's suggestions, newest first."""
        monitor = get_object_or_404(Monitor, id=pk)
        page = self.paginate_queryset(Suggestion.objects.filter(monitor=monitor))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="monitors_learn",
        request=None,
        responses={202: LearntSerializer} | CONFLICT,
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Learn from the reasons of acknowledgements; a worker replays past ticks before a suggestion is offered."""
        check_no_fields(request)
        monitor = get_object_or_404(Monitor, id=pk)
        try:
            found = suggestions.learn(monitor=monitor, by=self.principal.name)
        except NoBacktest as error:
            raise Conflict(str(error)) from error
        return Response(LearntSerializer({"suggestions": found}).data, status=202)


@extend_schema_view(retrieve=extend_schema(description="Read a suggestion."))
class SuggestionViewSet(TenantAPIView, RetrieveModelMixin, GenericViewSet[Suggestion]):
    """A tolerance that the reasons of acknowledgements suggest."""

    scope_to_write = Scope.MONITORS_WRITE
    lookup_value_converter = "uuid"
    queryset = Suggestion.objects.none()
    serializer_class = SuggestionSerializer

    def get_queryset(self) -> QuerySet[Suggestion]:
        return Suggestion.objects.all()

    @extend_schema(request=None, responses={200: SuggestionSerializer} | CONFLICT)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: UUID) -> Response:
        """Take a suggestion over into the monitor."""
        check_no_fields(request)
        try:
            accepted = suggestions.accept_suggestion(suggestion_id=pk, by=self.principal.name)
        except Suggestion.DoesNotExist as error:
            raise Http404 from error
        except suggestions.NotAcceptable as error:
            raise Conflict(str(error)) from error
        return Response(SuggestionSerializer(accepted).data)
