"""Serves `/api/v1/monitors/{id}/label-audits` and `/api/v1/label-audits`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from detections.label_audits import selectors
from detections.label_audits import services as label_audits
from detections.label_audits.label_audit_jobs import NotAuditable, plan_label_audit
from detections.label_audits.label_audit_results import result_of
from detections.label_audits.label_reading import BadLabels
from detections.label_audits.row_exports import (
    MOST_AUDIT_ROWS,
    csv_of,
    list_rows,
    read_labels_of_csv,
)
from detections.label_audits.serializers import (
    DrawnRowsSerializer,
    LabelAuditDetailSerializer,
    LabelAuditRequestSerializer,
    LabelAuditSerializer,
    LabelsSerializer,
)
from detections.label_audits.services import OtherLabel
from detections.models import LabelAudit
from detections.runs.views import enabled_monitor
from drift_detector.api.parsers import CappedJSONParser, CsvParser
from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.queries import PAGING, takes_query
from drift_detector.api.time_spans import number_parameter, read_number
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope
from monitors.jobs.serializers import JobSerializer
from monitors.jobs.views import answer_by_job
from monitors.models import Job, Monitor

USUAL_ROWS = 100
MOST_OF_A_PAGE = 1_000
AS = OpenApiParameter(
    "as",
    enum=["json", "csv"],
    description="The form of the answer; json by default. CSV has all rows from `first` on.",
)
FIRST = number_parameter("first", most=MOST_AUDIT_ROWS, usual=1, words="The first row to show")
ROWS = number_parameter("rows", most=MOST_OF_A_PAGE, usual=USUAL_ROWS, words="Rows of JSON to show")
AUDIT_EXAMPLE = OpenApiExample(
    "a hundred rows",
    {"window": {"start": "2024-01-15T00:00:00Z", "end": "2024-01-22T00:00:00Z"}, "rows": 100},
    request_only=True,
)
LABELS_EXAMPLE = OpenApiExample(
    "two labels",
    {"labels": [{"row": 1, "label": 1}, {"row": 2, "label": 0}]},
    request_only=True,
    media_type="application/json",
)


class MonitorLabelAuditsView(TenantAPIView, GenericAPIView[LabelAudit]):
    scope_to_write = Scope.RUNS_WRITE
    body_is_required = True  # for the OpenAPI document
    queryset = LabelAudit.objects.none()
    serializer_class = LabelAuditSerializer

    @takes_query(*PAGING)
    @extend_schema(operation_id="monitors_label_audits", responses=LabelAuditSerializer(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        """The monitor's label audits, newest first."""
        monitor = get_object_or_404(Monitor, id=pk)
        page = self.paginate_queryset(selectors.list_label_audits(monitor.id))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="monitors_draw_label_audit",
        request=LabelAuditRequestSerializer,
        responses={
            200: LabelAuditDetailSerializer,
            201: LabelAuditDetailSerializer,
            202: JobSerializer,
        }
        | CONFLICT,
        examples=[AUDIT_EXAMPLE],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Draw rows of a window to label, to learn how good the model is there.

        A worker reads the window. If that takes longer than ten seconds, the answer is 202 with a job. If an audit of
        the same rows has all that is asked for, the answer is 200 with that one.
        """
        monitor = enabled_monitor(pk)
        serializer = LabelAuditRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            fields = plan_label_audit(monitor, serializer.validated_data)
        except NotAuditable as error:
            raise Conflict(str(error)) from error
        return answer_by_job(self, Job.Kind.DRAW_LABEL_AUDIT, fields, monitor.id)


class LabelAuditView(TenantAPIView):
    @extend_schema(operation_id="label_audits_retrieve", responses=LabelAuditDetailSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """Read a label audit with what its labels tell; it may be read after each label."""
        audit = get_object_or_404(_audits(), id=pk)
        return Response(LabelAuditDetailSerializer(result_of(audit, audit.monitor)).data)


class LabelAuditRowsView(TenantAPIView):
    scope_to_read = Scope.RUNS_WRITE  # rows are the tenant's data: who may draw them may read them

    @takes_query(AS, FIRST, ROWS)
    @extend_schema(
        operation_id="label_audits_rows",
        responses={(200, "application/json"): DrawnRowsSerializer, (200, "text/csv"): str},
    )
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        """The drawn rows in their order, to be labelled from the first on."""
        audit = get_object_or_404(_audits(), id=pk)
        form = request.query_params.get("as", "json")
        if form not in ("json", "csv"):
            raise ValidationError({"as": f"as must be json or csv, not {form[:20]!r}."})
        first = read_number(request, "first", most=MOST_AUDIT_ROWS, usual=1)
        most = read_number(request, "rows", most=MOST_OF_A_PAGE, usual=USUAL_ROWS)
        if form == "csv":
            page = list_rows(audit, audit.monitor, first=first, most=audit.rows)
            return _csv_response(audit, csv_of(page))
        page = list_rows(audit, audit.monitor, first=first, most=most)
        return Response(DrawnRowsSerializer({"rows": audit.rows, "results": page.rows}).data)


class LabelAuditLabelsView(TenantAPIView):
    scope_to_write = Scope.OUTCOMES_WRITE
    parser_classes = [CappedJSONParser, CsvParser]
    body_is_required = True  # for the OpenAPI document

    @extend_schema(
        operation_id="label_audits_labels",
        request={
            "application/json": LabelsSerializer,
            "text/csv": {"type": "string", "format": "binary"},
        },
        responses={200: LabelAuditDetailSerializer} | CONFLICT,
        examples=[LABELS_EXAMPLE],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Give labels to drawn rows. The same label again changes nothing; another one is refused.

        They come as JSON, or as the CSV of the rows with its column `label` filled in.
        """
        audit = get_object_or_404(_audits().defer("drawn"), id=pk)
        body: Any = request.data
        try:
            labelled = label_audits.add_labels(
                audit.id, _labels(body), self.principal.name, is_csv=isinstance(body, bytes)
            )
        except OtherLabel as error:
            raise Conflict(str(error)) from error
        except BadLabels as error:
            raise ValidationError({"labels": str(error)}) from error
        return Response(LabelAuditDetailSerializer(result_of(labelled, audit.monitor)).data)


def _labels(body: Any) -> Mapping[int, Any]:
    """The labels of a request's body by their rows; those of CSV as text."""
    if isinstance(body, bytes):
        return read_labels_of_csv(body)
    serializer = LabelsSerializer(data=body)
    serializer.is_valid(raise_exception=True)
    labels: Mapping[int, Any] = serializer.validated_data["labels"]
    return labels


def _audits() -> QuerySet[LabelAudit]:
    return LabelAudit.objects.select_related("monitor")


def _csv_response(audit: LabelAudit, text: str) -> HttpResponse:
    name = f"label-audit-{audit.window_start:%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
