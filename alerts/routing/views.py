"""Serves `/api/v1/routes`, `/silences`, `/maintenance-windows` and `/notifications`."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet, ReadOnlyModelViewSet

from alerts.models import Alert, MaintenanceWindow, Notification, Route, Silence
from alerts.routing import selectors, services
from alerts.routing.filters import NotificationFilter, RouteFilter, SilenceFilter
from alerts.routing.serializers import (
    MaintenanceWindowSerializer,
    NotificationSerializer,
    RouteSerializer,
    SilenceSerializer,
    steps_from,
)
from drift_detector.api.pagination import NewestFirst
from drift_detector.api.queries import PAGING, takes_query
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope

METHODS = ["get", "post", "patch", "delete", "head", "options"]
CHANNEL_ID = "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d"
ROUTE_EXAMPLE = OpenApiExample(
    "warnings",
    {"name": "Warnings", "matchers": {"severity": "warning"}, "channels": [CHANNEL_ID]},
    request_only=True,
)
ROUTE_CHANGE = OpenApiExample(
    "quiet hours",
    {"quiet_from": "22:00", "quiet_until": "07:00", "timezone": "Europe/Berlin"},
    request_only=True,
)
SILENCE_EXAMPLE = OpenApiExample(
    "migration",
    {
        "matchers": {"features": ["dep_delay"]},
        "ends_at": "2099-01-01T00:00:00Z",
        "starts_at": "2098-12-31T00:00:00Z",
        "reason": "The timetable changes.",
    },
    request_only=True,
)
SILENCE_CHANGE = OpenApiExample("reason", {"reason": "It takes longer."}, request_only=True)
WINDOW_EXAMPLE = OpenApiExample(
    "sundays",
    {"name": "Sundays", "cron": "0 2 * * SUN", "duration": "PT4H", "timezone": "Europe/Berlin"},
    request_only=True,
)
WINDOW_CHANGE = OpenApiExample("pause", {"enabled": False}, request_only=True)


@extend_schema_view(
    list=extend_schema(description="List routes, in the order in which they are tried."),
    retrieve=extend_schema(description="Read a route."),
    create=extend_schema(
        description="Create a route: which alerts go to which channels, and when.",
        examples=[ROUTE_EXAMPLE],
    ),
    partial_update=extend_schema(
        description="Change some fields of a route.", examples=[ROUTE_CHANGE]
    ),
    destroy=extend_schema(description="Remove a route; what is pending is still sent."),
)
class RouteViewSet(TenantAPIView, ModelViewSet[Route]):
    lookup_value_converter = "uuid"
    serializer_class = RouteSerializer
    filterset_class = RouteFilter
    ordering_fields = ("created_at", "name", "position")
    http_method_names = METHODS
    queryset = Route.objects.none()
    scope_to_write = Scope.ADMIN

    def get_queryset(self) -> QuerySet[Route]:
        return selectors.list_routes()

    def perform_create(self, serializer: BaseSerializer[Route]) -> None:
        fields = dict(serializer.validated_data)
        steps = steps_from(fields, None)
        route = services.new_route(by=self.principal.name)
        serializer.instance = services.save_route(route, steps=steps, fields=fields)

    def perform_update(self, serializer: BaseSerializer[Route]) -> None:
        assert serializer.instance is not None
        fields = dict(serializer.validated_data)
        steps = steps_from(fields, serializer.instance)
        services.save_route(serializer.instance, steps=steps, fields=fields)
        serializer.instance = selectors.list_routes().get(id=serializer.instance.id)


@extend_schema_view(
    list=extend_schema(description="List silences, with those that have ended."),
    retrieve=extend_schema(description="Read a silence."),
    create=extend_schema(
        description="Hide the notifications of the alerts that match, until a time; detections go on.",
        examples=[SILENCE_EXAMPLE],
    ),
    partial_update=extend_schema(description="Change a silence.", examples=[SILENCE_CHANGE]),
    destroy=extend_schema(description="End a silence now; one that has not started is removed."),
)
class SilenceViewSet(TenantAPIView, ModelViewSet[Silence]):
    scope_to_write = Scope.ALERTS_WRITE
    lookup_value_converter = "uuid"
    serializer_class = SilenceSerializer
    filterset_class = SilenceFilter
    http_method_names = METHODS
    queryset = Silence.objects.none()

    def get_queryset(self) -> QuerySet[Silence]:
        return selectors.list_silences()

    def perform_create(self, serializer: BaseSerializer[Silence]) -> None:
        silence = services.new_silence(by=self.principal.name)
        serializer.instance = services.save_silence(silence, fields=serializer.validated_data)

    def perform_update(self, serializer: BaseSerializer[Silence]) -> None:
        assert serializer.instance is not None
        services.save_silence(serializer.instance, fields=serializer.validated_data)

    def perform_destroy(self, instance: Silence) -> None:
        services.end_silence(instance)


@extend_schema_view(
    list=extend_schema(description="List maintenance windows."),
    retrieve=extend_schema(description="Read a maintenance window."),
    create=extend_schema(
        description="Hide notifications each time a schedule comes due; detections go on.",
        examples=[WINDOW_EXAMPLE],
    ),
    partial_update=extend_schema(
        description="Change a maintenance window.", examples=[WINDOW_CHANGE]
    ),
    destroy=extend_schema(description="Remove a maintenance window."),
)
class MaintenanceWindowViewSet(TenantAPIView, ModelViewSet[MaintenanceWindow]):
    scope_to_write = Scope.ALERTS_WRITE
    lookup_value_converter = "uuid"
    serializer_class = MaintenanceWindowSerializer
    ordering_fields = ("created_at", "name")
    http_method_names = METHODS
    queryset = MaintenanceWindow.objects.none()

    def get_queryset(self) -> QuerySet[MaintenanceWindow]:
        return selectors.list_windows()

    def perform_create(self, serializer: BaseSerializer[MaintenanceWindow]) -> None:
        window = services.new_window(by=self.principal.name)
        serializer.instance = services.save_window(window, fields=serializer.validated_data)

    def perform_update(self, serializer: BaseSerializer[MaintenanceWindow]) -> None:
        assert serializer.instance is not None
        services.save_window(serializer.instance, fields=serializer.validated_data)


@extend_schema_view(
    list=extend_schema(description="List notifications: what was sent, given up or suppressed."),
    retrieve=extend_schema(description="Read a notification with the log of its tries."),
)
class NotificationViewSet(TenantAPIView, ReadOnlyModelViewSet[Notification]):
    lookup_value_converter = "uuid"
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter
    queryset = Notification.objects.none()

    def get_queryset(self) -> QuerySet[Notification]:
        return selectors.list_notifications()


class AlertNotificationsView(TenantAPIView, GenericAPIView[Notification]):
    serializer_class = NotificationSerializer
    queryset = Notification.objects.none()

    @takes_query(*PAGING)
    @extend_schema(
        operation_id="alerts_notifications_list",
        responses=NotificationSerializer(many=True),
        filters=False,
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """The notifications of an alert, newest first."""
        try:
            notifications = selectors.list_notifications_of(pk)
        except Alert.DoesNotExist as error:
            raise Http404 from error
        paginator = NewestFirst()
        page = paginator.paginate_queryset(notifications, request, view=self)
        return paginator.get_paginated_response(NotificationSerializer(page, many=True).data)
