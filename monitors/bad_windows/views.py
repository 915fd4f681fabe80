"""Serves `/api/v1/monitors/{id}/bad-windows` and `/api/v1/bad-windows`."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from drift_detector.api.queries import PAGING, takes_query
from drift_detector.api.serializers import check_no_fields
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope
from monitors.bad_windows import selectors, services
from monitors.bad_windows.serializers import BadWindowSerializer
from monitors.models import BadWindow, Monitor

EXAMPLE = OpenApiExample(
    "load",
    {
        "window_start": "2024-02-05T00:00:00Z",
        "window_end": "2024-02-06T00:00:00Z",
        "reason": "The load of that day was cut off.",
    },
    request_only=True,
)


class MonitorBadWindowsView(TenantAPIView, GenericAPIView[BadWindow]):
    scope_to_write = Scope.MONITORS_WRITE
    queryset = BadWindow.objects.none()
    serializer_class = BadWindowSerializer

    @takes_query(*PAGING)
    @extend_schema(operation_id="monitors_bad_windows", responses=BadWindowSerializer(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        """The bad windows of a monitor, newest first; nothing is compared with their rows."""
        monitor = get_object_or_404(Monitor, id=pk)
        page = self.paginate_queryset(selectors.list_bad_windows(monitor.id))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="monitors_mark_bad_window",
        responses={201: BadWindowSerializer},
        examples=[EXAMPLE],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Mark a window as bad: references in time leave its rows out at once, the baseline when it is rebuilt."""
        monitor = get_object_or_404(Monitor, id=pk)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = serializer.validated_data
        row = services.mark_bad(
            monitor=monitor,
            start=sent["window_start"],
            end=sent["window_end"],
            reason=sent["reason"],
            by=self.principal.name,
        )
        return Response(self.get_serializer(row).data, status=201)


class BadWindowView(TenantAPIView, GenericAPIView[BadWindow]):
    scope_to_write = Scope.MONITORS_WRITE
    queryset = BadWindow.objects.none()
    serializer_class = BadWindowSerializer

    @extend_schema(operation_id="bad_windows_destroy", request=None, responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Remove the mark of a bad window; an alert that goes on as `data_bug` marks its windows again."""
        check_no_fields(request)
        services.unmark_bad(get_object_or_404(BadWindow, id=pk))
        return Response(status=204)
