"""Serves `/api/v1/connections`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope
from monitors.connections import selectors, services
from monitors.connections.filters import StoreConnectionFilter
from monitors.connections.serializers import StoreConnectionSerializer
from monitors.models import StoreConnection

NEW_EXAMPLE = OpenApiExample(
    "lake",
    {"name": "Lake", "store": "s3://lake/acme", "credentials": "lake", "region": "eu-west-1"},
    request_only=True,
)
CHANGE_EXAMPLE = OpenApiExample("rename", {"name": "Old lake"}, request_only=True)


@extend_schema_view(
    list=extend_schema(description="List connections, with those that were removed."),
    retrieve=extend_schema(description="Read a connection; it holds no secret."),
    create=extend_schema(examples=[NEW_EXAMPLE]),
    partial_update=extend_schema(
        responses={200: StoreConnectionSerializer} | CONFLICT, examples=[CHANGE_EXAMPLE]
    ),
)
class StoreConnectionViewSet(TenantAPIView, ModelViewSet[StoreConnection]):
    scope_to_read = scope_to_write = Scope.ADMIN
    lookup_value_converter = "uuid"
    serializer_class = StoreConnectionSerializer
    filterset_class = StoreConnectionFilter
    ordering_fields = ("created_at", "name")
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = StoreConnection.objects.none()

    def get_queryset(self) -> QuerySet[StoreConnection]:
        return selectors.list_connections()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a connection to a prefix, with credentials that the operator offers to your tenant."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        made = services.create_connection(by=self.principal.name, **serializer.validated_data)
        return Response(self.get_serializer(made).data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a connection, but for its prefix; 409 for one that was removed."""
        row = self.get_object()
        serializer = self.get_serializer(row, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        try:
            changed = services.update_connection(row, **serializer.validated_data)
        except services.ConnectionRemoved as error:
            raise Conflict(str(error)) from error
        return Response(self.get_serializer(changed).data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove a connection: nothing below its prefix is read any longer. It is kept, as what refuses to."""
        services.remove_connection(self.get_object())
        return Response(status=204)
