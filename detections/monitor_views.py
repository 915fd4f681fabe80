"""`/api/v1/monitors/{id}/run`, `/backfill` and `/backtest`."""

from math import isfinite
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from detections import backtests, ledger, selectors
from detections.models import Backtest, DetectionRun
from detections.serializers import (
    BackfillResultSerializer,
    BackfillSerializer,
    BacktestSerializer,
    BacktestSpanSerializer,
    RunDetailSerializer,
    RunRequestSerializer,
    RunSerializer,
)
from drift_detector.api.problems import Conflict
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from monitors.sources import SourceError, table_from_columns, table_to_bytes

LONGEST_WAIT_SECONDS = 60.0
LONGEST_KEY = 200


class MonitorRunView(TenantAPIView):
    @extend_schema(
        operation_id="monitors_run",
        request=RunRequestSerializer,
        parameters=[
            OpenApiParameter(
                "wait", float, description="Wait up to so many seconds for the run to finish; at most 60."
            ),
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key, the same run."
            ),
        ],
        responses={202: RunSerializer, 200: RunDetailSerializer},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Check now: the latest window, a window given, or rows given."""
        seconds = _wait_seconds(request)
        run = self._request_run(request, pk)
        self.leave_scope()
        if seconds:
            selectors.wait_for_run(tenant_id=self.principal.tenant_id, run_id=run.id, seconds=seconds)
        with tenant_scope(self.principal.tenant_id):
            run = selectors.list_runs().get(id=run.id)
            serializer = RunDetailSerializer if run.is_finished and seconds else RunSerializer
            location = reverse("run-detail", args=[run.id], request=request)
            status = 200 if run.is_finished and seconds else 202
            return Response(serializer(run).data, status=status, headers={"Location": location})

    def _request_run(self, request: Request, monitor_id: UUID) -> DetectionRun:
        monitor = _enabled_monitor(monitor_id)
        serializer = RunRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        window = serializer.validated_data.get("window")
        if window and not monitor.timestamp_column:
            raise ValidationError({"window": "The monitor has no timestamp column to tell a window by."})
        try:
            return ledger.request_run(
                monitor=monitor,
                requested_by=self.principal.name,
                window=(window["start"], window["end"]) if window else None,
                inline_data=_inline_data(serializer.validated_data),
                idempotency_key=_idempotency_key(request),
            )
        except ledger.KeyReused as error:
            raise Conflict(str(error)) from error


class MonitorBackfillView(TenantAPIView):
    @extend_schema(
        operation_id="monitors_backfill", request=BackfillSerializer, responses={202: BackfillResultSerializer}
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Make a run for each past tick of the monitor's schedule that has none yet."""
        monitor = _enabled_monitor(pk)
        serializer = BackfillSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        runs = ledger.request_backfill(
            monitor=monitor,
            start=serializer.validated_data["from"],
            end=serializer.validated_data["to"],
            requested_by=self.principal.name,
        )
        return Response({"created": len(runs), "runs": RunSerializer(runs, many=True).data}, status=202)


class MonitorBacktestView(TenantAPIView, GenericAPIView[Backtest]):
    queryset = Backtest.objects.none()
    serializer_class = BacktestSerializer

    @extend_schema(operation_id="monitors_backtests", responses=BacktestSerializer(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        """The monitor's backtests, newest first, without their windows."""
        monitor = get_object_or_404(Monitor, id=pk)
        page = self.paginate_queryset(selectors.list_backtests(monitor.id))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="monitors_backtest", request=BacktestSpanSerializer, responses={202: BacktestSerializer}
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Replay past ticks against the current baseline, without alerts: how often would there have been one?"""
        monitor = _enabled_monitor(pk)
        serializer = BacktestSpanSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            backtest = backtests.request_backtest(
                monitor=monitor,
                start=serializer.validated_data["from"],
                end=serializer.validated_data["to"],
                requested_by=self.principal.name,
            )
        except backtests.NoBacktest as error:
            raise Conflict(str(error)) from error
        location = reverse("backtest-detail", args=[backtest.id], request=request)
        return Response(self.get_serializer(backtest).data, status=202, headers={"Location": location})


def _enabled_monitor(monitor_id: UUID) -> Monitor:
    monitor = get_object_or_404(Monitor, id=monitor_id)
    if monitor.status == Monitor.Status.DISABLED:
        raise Conflict("The monitor is disabled.")
    return monitor


def _wait_seconds(request: Request) -> float:
    text = request.query_params.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not isfinite(seconds) or not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise ValidationError({"wait": f"{text!r} is not a number of seconds from 0 to {LONGEST_WAIT_SECONDS:g}."})
    return seconds


def _idempotency_key(request: Request) -> str:
    key: str = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > LONGEST_KEY:
        raise ValidationError({"Idempotency-Key": f"It is longer than {LONGEST_KEY} characters."})
    return key


def _inline_data(fields: dict[str, Any]) -> bytes | None:
    if "current_data" not in fields:
        return None
    try:
        return table_to_bytes(table_from_columns(fields["current_data"]))
    except SourceError as error:
        raise ValidationError({"current_data": str(error)}) from error
