"""Serves `/api/v1/monitors/{id}/backtest` and `/api/v1/backtests`."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from detections.backtests import selectors
from detections.backtests import services as backtests
from detections.backtests.serializers import (
    BacktestDetailSerializer,
    BacktestSerializer,
    BacktestSpanSerializer,
)
from detections.models import Backtest
from detections.runs.views import SPAN_EXAMPLE, enabled_monitor
from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.queries import PAGING, takes_query
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope
from monitors.models import Monitor


class MonitorBacktestView(TenantAPIView, GenericAPIView[Backtest]):
    scope_to_write = Scope.RUNS_WRITE
    queryset = Backtest.objects.none()
    serializer_class = BacktestSerializer

    @takes_query(*PAGING)
    @extend_schema(operation_id="monitors_backtests", responses=BacktestSerializer(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        """The monitor's backtests, newest first, without their windows."""
        monitor = get_object_or_404(Monitor, id=pk)
        page = self.paginate_queryset(selectors.list_backtests(monitor.id))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="monitors_backtest",
        request=BacktestSpanSerializer,
        responses={202: BacktestSerializer} | CONFLICT,
        examples=[SPAN_EXAMPLE],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Replay past ticks against a version of the baseline, without alerts: how often would there have been one?"""
        monitor = enabled_monitor(pk)
        serializer = BacktestSpanSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        backtest = self._request_backtest(monitor, serializer.validated_data)
        shown = self.get_serializer(backtest).data
        location = reverse("backtest-detail", args=[backtest.id], request=request)
        return Response(shown, status=202, headers={"Location": location})

    def _request_backtest(self, monitor: Monitor, span: dict[str, Any]) -> Backtest:
        start, end, name = span["from"], span["to"], self.principal.name
        try:
            return backtests.request_backtest(
                monitor=monitor,
                start=start,
                end=end,
                requested_by=name,
                version=span.get("baseline_version"),
            )
        except backtests.NoBacktest as error:
            raise Conflict(str(error)) from error


@extend_schema_view(retrieve=extend_schema(description="Read a backtest, with its windows."))
class BacktestViewSet(TenantAPIView, RetrieveModelMixin, GenericViewSet[Backtest]):
    """A replay of a monitor's past ticks; asked for and listed at the monitor."""

    lookup_value_converter = "uuid"
    queryset = Backtest.objects.none()
    serializer_class = BacktestDetailSerializer

    def get_queryset(self) -> QuerySet[Backtest]:
        return Backtest.objects.all()
