"""`/api/v1/runs`, `/api/v1/detections` and `/api/v1/backtests`."""

from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from detections import reports, selectors
from detections.filters import DetectionFilter, RunFilter
from detections.models import Backtest, Detection, DetectionRun, Report
from detections.serializers import (
    BacktestDetailSerializer,
    DetectionListSerializer,
    DetectionSerializer,
    ReportSerializer,
    RunDetailSerializer,
    RunSerializer,
)
from drift_detector.api.problems import Conflict
from drift_detector.api.views import TenantAPIView


class RunViewSet(TenantAPIView, ReadOnlyModelViewSet[DetectionRun]):
    lookup_value_converter = "uuid"
    queryset = DetectionRun.objects.none()
    filterset_class = RunFilter

    def get_queryset(self) -> QuerySet[DetectionRun]:
        runs = selectors.list_runs()
        if self.action != "retrieve":
            return runs
        return runs.prefetch_related(Prefetch("detections", queryset=Detection.objects.defer("details")))

    def get_serializer_class(self) -> type[BaseSerializer[DetectionRun]]:
        return RunDetailSerializer if self.action == "retrieve" else RunSerializer

    @extend_schema(request=None, responses={202: ReportSerializer})
    @action(detail=True, methods=["post"])
    def report(self, request: Request, pk: UUID) -> Response:
        """Have Evidently make a report over the run's two windows."""
        try:
            report = reports.request_report(run=self.get_object())
        except reports.NoReport as error:
            raise Conflict(str(error)) from error
        return Response(ReportSerializer(report).data, status=202)

    @extend_schema(
        parameters=[OpenApiParameter("as", enum=["html", "json"], description="What to answer with; html by default.")],
        responses={(200, "text/html"): str, (200, "application/json"): ReportSerializer},
    )
    @report.mapping.get
    def read_report(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The report: as a page, or its figures as JSON. While it is being made, JSON tells how it stands."""
        report = selectors.get_report(self.get_object().id)
        if report is None:
            raise NotFound("No report has been asked for; POST here to ask.")
        if request.query_params.get("as") == "json" or report.status != Report.Status.READY:
            return Response(ReportSerializer(report).data)
        # The page brings its own scripts; the sandbox keeps them away from this origin's session and API.
        policy = "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
        policy += "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
        return HttpResponse(report.html, headers={"Content-Security-Policy": policy})


class DetectionViewSet(TenantAPIView, ReadOnlyModelViewSet[Detection]):
    lookup_value_converter = "uuid"
    queryset = Detection.objects.none()
    filterset_class = DetectionFilter

    def get_queryset(self) -> QuerySet[Detection]:
        detections = selectors.list_detections()
        return detections if self.action == "retrieve" else detections.defer("details")

    def get_serializer_class(self) -> type[BaseSerializer[Detection]]:
        return DetectionSerializer if self.action == "retrieve" else DetectionListSerializer


class BacktestViewSet(TenantAPIView, RetrieveModelMixin, GenericViewSet[Backtest]):
    """A replay of a monitor's past ticks; asked for and listed at the monitor."""

    lookup_value_converter = "uuid"
    queryset = Backtest.objects.none()
    serializer_class = BacktestDetailSerializer

    def get_queryset(self) -> QuerySet[Backtest]:
        return Backtest.objects.all()
