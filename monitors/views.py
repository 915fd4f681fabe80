"""Serves `/api/v1/monitors` and their baselines."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from drift_detector.api.pagination import NewestFirst
from drift_detector.api.problems import CONFLICT
from drift_detector.api.queries import PAGING, takes_query
from drift_detector.api.serializers import check_no_fields, sent_fields
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Quota, Scope
from drift_detector.tenancy.quotas import check_room
from drift_detector.tenancy.scope import set_local, tenant_scope
from monitors import selectors, services
from monitors.baselines import builds
from monitors.filters import MonitorFilter
from monitors.jobs.serializers import JobSerializer
from monitors.jobs.views import answer_by_job
from monitors.models import Job, Monitor
from monitors.serializers import BaselineSerializer, MonitorSerializer, PreviewSerializer

LONGEST_REMOVAL = "600s"
"""One statement removes all rows of a monitor; the limit of requests is too short for years of runs."""
MONITOR_EXAMPLE = OpenApiExample(
    "weekly",
    {
        "name": "Flights by week",
        "model_id": "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d",
        "reference_data_uri": "/data/flights",
        "reference_start": "2024-01-01T00:00:00Z",
        "reference_end": "2024-01-15T00:00:00Z",
        "current_data_uri": "/data/flights",
        "timestamp_column": "departs_at",
        "window": "P7D",
        "schedule_cron": "0 0 * * 1",
    },
    request_only=True,
)
CHANGE_EXAMPLE = OpenApiExample("pause", {"status": "paused"}, request_only=True)


@extend_schema_view(
    list=extend_schema(description="List monitors."),
    retrieve=extend_schema(description="Read a monitor, with the state of its newest baseline."),
    create=extend_schema(
        responses={201: MonitorSerializer, 202: JobSerializer}, examples=[MONITOR_EXAMPLE]
    ),
    partial_update=extend_schema(
        responses={200: MonitorSerializer, 202: JobSerializer} | CONFLICT,
        examples=[CHANGE_EXAMPLE],
    ),
    destroy=extend_schema(description="Remove a monitor with its baselines, runs and alerts."),
)
class MonitorViewSet(TenantAPIView, ModelViewSet[Monitor]):
    scope_to_write = Scope.MONITORS_WRITE
    lookup_value_converter = "uuid"
    serializer_class = MonitorSerializer
    filterset_class = MonitorFilter
    ordering_fields = ("created_at", "updated_at", "name")
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = Monitor.objects.none()

    def get_queryset(self) -> QuerySet[Monitor]:
        return selectors.list_monitors()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a monitor after a look at both sources; a refusal says what is wrong with them.

        A worker reads the sources. If that takes longer than ten seconds, the answer is 202 with a job, and the monitor
        is created when its sources have been read.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        services.check_name_is_free(serializer.validated_data["name"])
        check_room(Quota.MONITORS)
        return answer_by_job(self, Job.Kind.CREATE_MONITOR, sent_fields(serializer))

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a monitor; a changed reference builds a new baseline version.

        A worker reads the sources if a change is about them. If that takes longer than ten seconds, the answer is 202
        with a job, and the monitor is changed when its sources have been read.
        """
        locked = Monitor.objects.select_for_update(no_key=True)
        monitor = get_object_or_404(locked, id=kwargs["pk"])
        serializer = self.get_serializer(monitor, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changes = serializer.validated_data
        if services.source_fields(monitor, changes) != services.source_fields(monitor):
            fields = sent_fields(serializer)
            return answer_by_job(self, Job.Kind.UPDATE_MONITOR, fields, monitor.id)
        services.update_monitor(monitor=monitor, **changes)
        return Response(self.get_serializer(monitor).data)

    def perform_destroy(self, instance: Monitor) -> None:
        services.retire_monitor(monitor=instance)
        self.leave_scope()  # beat and other tenants need not wait until all rows are removed
        with tenant_scope(self.principal.tenant_id):
            set_local("statement_timeout", LONGEST_REMOVAL)
            services.delete_monitor(monitor=instance)

    @extend_schema(
        responses={200: PreviewSerializer, 202: JobSerializer}, examples=[MONITOR_EXAMPLE]
    )
    @action(detail=False, methods=["post"], filterset_class=None, pagination_class=None)
    def preview(self, request: Request) -> Response:
        """Preview the features and the power of a monitor before it is saved.

        A worker reads the sources. If that takes longer than ten seconds, the answer is 202 with a job.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        check_room(Quota.BYTES_READ)
        return answer_by_job(self, Job.Kind.PREVIEW, sent_fields(serializer))

    @extend_schema(request=None, responses={202: BaselineSerializer})
    @action(detail=True, methods=["post"])
    def baseline(self, request: Request, pk: UUID) -> Response:
        """Build a new version of the baseline from the reference as it is now."""
        check_no_fields(request)
        baseline = builds.request_baseline(monitor=self.get_object())
        return Response(BaselineSerializer(baseline).data, status=202)

    @takes_query(*PAGING)
    @extend_schema(responses=BaselineSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_class=None, ordering_fields=("created_at",))
    def baselines(self, request: Request, pk: UUID) -> Response:
        """All versions of the baseline, newest first."""
        paginator = NewestFirst()
        page = paginator.paginate_queryset(
            selectors.list_baselines(self.get_object().id), request, view=self
        )
        return paginator.get_paginated_response(BaselineSerializer(page, many=True).data)
