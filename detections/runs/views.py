"""Serves `/api/v1/runs`, `/api/v1/detections`, `/api/v1/monitors/{id}/run` and `/backfill`."""

from datetime import datetime
from math import isfinite
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ReadOnlyModelViewSet

from detections.explanations.run_explanations import NotExplainable, check_explainable
from detections.explanations.serializers import ExplanationSerializer
from detections.ledger import runs as ledger
from detections.models import Detection, DetectionRun, Report
from detections.reports import selectors as report_selectors
from detections.reports import services as reports
from detections.reports.serializers import ReportSerializer
from detections.runs import selectors
from detections.runs.details import HEAVY, INCLUDE, PagesWithDetails, includes_details
from detections.runs.filters import DetectionFilter, RunFilter
from detections.runs.serializers import (
    BackfillResultSerializer,
    BackfillSerializer,
    DetectionListSerializer,
    DetectionSerializer,
    RunDetailSerializer,
    RunRequestSerializer,
    RunSerializer,
)
from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.queries import takes_query
from drift_detector.api.serializers import check_no_fields
from drift_detector.api.views import TenantAPIView
from drift_detector.api.waiting import place_to_wait
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.scope import tenant_scope
from monitors.jobs.serializers import JobSerializer
from monitors.jobs.views import answer_by_job
from monitors.models import Job, Monitor
from monitors.sources import SourceError, table_from_columns, table_to_bytes

LONGEST_WAIT_SECONDS = 60.0
LONGEST_KEY = 200
# The page brings its own scripts; the sandbox keeps them away from this origin's session and API.
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; "
    "script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
REPORT_HEADERS = {"Content-Security-Policy": REPORT_POLICY, "X-Frame-Options": "SAMEORIGIN"}
WAIT = OpenApiParameter(
    "wait",
    {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT_SECONDS, "default": 0},
    description="Wait up to this many seconds for the run to finish; at most 60.",
)
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^ *[!-~][ -~]*$"},
    OpenApiParameter.HEADER,
    description="The same key with the same request gives the same run.",
)
RUN_EXAMPLE = OpenApiExample(
    "window",
    {"window": {"start": "2024-01-15T00:00:00Z", "end": "2024-01-22T00:00:00Z"}},
    request_only=True,
)
SPAN_EXAMPLE = OpenApiExample(
    "two weeks",
    {"from": "2024-01-22T00:00:00Z", "to": "2024-02-01T00:00:00Z"},
    request_only=True,
)
AS = OpenApiParameter(
    "as", enum=["html", "json"], description="The form of the answer; html by default."
)


class MonitorRunView(TenantAPIView):
    scope_to_write = Scope.RUNS_WRITE

    @takes_query(WAIT)
    @extend_schema(
        operation_id="monitors_run",
        request=RunRequestSerializer,
        parameters=[KEY],
        responses={202: RunSerializer, 200: RunDetailSerializer} | CONFLICT,
        examples=[RUN_EXAMPLE],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Check now: the latest window, a window given, or rows given."""
        seconds = _wait_seconds(request)
        run = self._request_run(request, pk)
        self.leave_scope()
        tenant_id = self.principal.tenant_id
        if seconds:
            self._wait(run.id, seconds)
        with tenant_scope(tenant_id):
            run = selectors.list_runs().get(id=run.id)
            return _run_response(request, run, is_waited_for=seconds > 0)

    def _wait(self, run_id: UUID, seconds: float) -> None:
        tenant_id = self.principal.tenant_id
        with place_to_wait(self.request, tenant_id) as may_wait:
            selectors.wait_for_run(
                tenant_id=tenant_id, run_id=run_id, seconds=seconds, may_wait=may_wait
            )

    def _request_run(self, request: Request, monitor_id: UUID) -> DetectionRun:
        monitor = enabled_monitor(monitor_id)
        serializer = RunRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        try:
            return ledger.request_run(
                monitor=monitor,
                requested_by=self.principal.name,
                window=_window(monitor, fields),
                inline_data=_inline_data(fields),
                idempotency_key=_idempotency_key(request),
                alert=fields.get("alert"),
            )
        except ledger.KeyReused as error:
            raise Conflict(str(error)) from error


class MonitorBackfillView(TenantAPIView):
    scope_to_write = Scope.RUNS_WRITE

    @extend_schema(
        operation_id="monitors_backfill",
        request=BackfillSerializer,
        responses={202: BackfillResultSerializer} | CONFLICT,
        examples=[SPAN_EXAMPLE],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Make a run for each past tick of the monitor's schedule that has none yet."""
        monitor = enabled_monitor(pk)
        serializer = BackfillSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        span, name = serializer.validated_data, self.principal.name
        runs = ledger.request_backfill(
            monitor=monitor,
            start=span["from"],
            end=span["to"],
            requested_by=name,
            alert=span["alert"],
        )
        shown = RunSerializer(runs, many=True).data
        return Response({"created": len(runs), "runs": shown}, status=202)


def enabled_monitor(monitor_id: UUID) -> Monitor:
    monitor = get_object_or_404(Monitor, id=monitor_id)
    if monitor.status == Monitor.Status.DISABLED:
        raise Conflict("The monitor is disabled.")
    return monitor


def _wait_seconds(request: Request) -> float:
    text = request.query_params.get("wait", "0")
    seconds = _to_seconds(text)
    if not isfinite(seconds) or not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        most = f"{LONGEST_WAIT_SECONDS:g}"
        raise ValidationError(
            {"wait": f"wait must be from 0 to {most} seconds, not {text[:20]!r}."}
        )
    return seconds


def _to_seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def _idempotency_key(request: Request) -> str:
    sent: str | None = request.headers.get("Idempotency-Key")
    if sent is None:
        return ""
    key = sent.strip()
    if not _is_key(key):
        reason = f"Idempotency-Key must have 1 to {LONGEST_KEY} characters of printable ASCII."
        raise ValidationError({"Idempotency-Key": reason})
    return key


def _is_key(text: str) -> bool:
    return 0 < len(text) <= LONGEST_KEY and text.isascii() and text.isprintable()


def _window(monitor: Monitor, fields: dict[str, Any]) -> tuple[datetime, datetime] | None:
    window = fields.get("window")
    if not window:
        return None
    if not monitor.timestamp_column:
        raise ValidationError({"window": "window needs a monitor with a timestamp_column."})
    return window["start"], window["end"]


def _run_response(request: Request, run: DetectionRun, *, is_waited_for: bool) -> Response:
    """The run, with its detections if the request waited until it was finished."""
    has_result = run.is_finished and is_waited_for
    serializer = RunDetailSerializer if has_result else RunSerializer
    status = 200 if has_result else 202
    location = reverse("run-detail", args=[run.id], request=request)
    return Response(serializer(run).data, status=status, headers={"Location": location})


def _inline_data(fields: dict[str, Any]) -> bytes | None:
    if "current_data" not in fields:
        return None
    try:
        return table_to_bytes(table_from_columns(fields["current_data"]))
    except SourceError as error:
        raise ValidationError({"current_data": str(error)}) from error


@extend_schema_view(
    list=extend_schema(description="List runs."),
    retrieve=extend_schema(description="Read a run, with a summary of its detections."),
)
class RunViewSet(TenantAPIView, ReadOnlyModelViewSet[DetectionRun]):
    scope_to_write = Scope.RUNS_WRITE
    lookup_value_converter = "uuid"
    queryset = DetectionRun.objects.none()
    filterset_class = RunFilter

    def get_queryset(self) -> QuerySet[DetectionRun]:
        runs = selectors.list_runs()
        if self.action != "retrieve":
            return runs
        return runs.prefetch_related(
            Prefetch("detections", queryset=Detection.objects.defer(*HEAVY))
        )

    def get_serializer_class(self) -> type[BaseSerializer[DetectionRun]]:
        return RunDetailSerializer if self.action == "retrieve" else RunSerializer

    @extend_schema(
        request=None, responses={200: ExplanationSerializer, 202: JobSerializer} | CONFLICT
    )
    @action(detail=True, methods=["post"])
    def explain(self, request: Request, pk: UUID) -> Response:
        """Find the slices of the run's window that carry a drift of their own.

        A worker reads both windows. If that takes longer than ten seconds, the answer is 202 with a job.
        """
        check_no_fields(request)
        run = self.get_object()
        try:
            check_explainable(run)
        except NotExplainable as error:
            raise Conflict(str(error)) from error
        return answer_by_job(self, Job.Kind.EXPLAIN_RUN, {"run": str(run.id)}, run.monitor_id)

    @extend_schema(request=None, responses={202: ReportSerializer} | CONFLICT)
    @action(detail=True, methods=["post"])
    def report(self, request: Request, pk: UUID) -> Response:
        """Have Evidently make a report over the run's two windows."""
        check_no_fields(request)
        try:
            report = reports.request_report(run=self.get_object())
        except reports.NoReport as error:
            raise Conflict(str(error)) from error
        return Response(ReportSerializer(report).data, status=202)

    @report.mapping.get
    @takes_query(AS)
    @extend_schema(responses={(200, "text/html"): str, (200, "application/json"): ReportSerializer})
    def read_report(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The report: as a page, or its figures as JSON. While it is being made, JSON tells how it stands."""
        report = report_selectors.get_report(self.get_object().id)
        if report is None:
            raise NotFound("No report has been asked for; POST here to ask.")
        form = request.query_params.get("as", "html")
        if form not in ("html", "json"):
            raise ValidationError({"as": f"as must be html or json, not {form[:20]!r}."})
        if form == "json" or report.status != Report.Status.READY:
            return Response(ReportSerializer(report).data)
        return HttpResponse(report.html, headers=REPORT_HEADERS)


@extend_schema_view(
    retrieve=extend_schema(description="Read a detection with its details, feature by feature."),
)
class DetectionViewSet(TenantAPIView, ReadOnlyModelViewSet[Detection]):
    lookup_value_converter = "uuid"
    queryset = Detection.objects.none()
    filterset_class = DetectionFilter
    pagination_class = PagesWithDetails

    def get_queryset(self) -> QuerySet[Detection]:
        detections = selectors.list_detections()
        return (
            detections.select_related("monitor") if self._has_details else detections.defer(*HEAVY)
        )

    def get_serializer_class(self) -> type[BaseSerializer[Detection]]:
        return DetectionSerializer if self._has_details else DetectionListSerializer

    @takes_query(INCLUDE)
    @extend_schema(responses=DetectionListSerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List detections: one per run, method and reference; `include=details` adds the details."""
        return super().list(request, *args, **kwargs)

    @property
    def _has_details(self) -> bool:
        return self.action == "retrieve" or includes_details(self.request)
