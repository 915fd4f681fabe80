"""Serves `/api/v1/channels`."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ModelViewSet

from alerts.channels import selectors, services
from alerts.channels.filters import ChannelFilter
from alerts.channels.serializers import (
    ChannelSerializer,
    ChannelWithSecretSerializer,
    ReplySerializer,
)
from alerts.models import Channel
from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.serializers import check_no_fields
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.scope import tenant_scope

CHANNEL_EXAMPLE = OpenApiExample(
    "webhook",
    {"name": "Pipeline", "kind": "webhook", "address": "https://93.184.215.14/drift"},
    request_only=True,
)
CHANGE_EXAMPLE = OpenApiExample("pause", {"enabled": False}, request_only=True)


@extend_schema_view(
    list=extend_schema(description="List channels, without their addresses."),
    retrieve=extend_schema(description="Read a channel, without its address."),
    create=extend_schema(responses={201: ChannelWithSecretSerializer}, examples=[CHANNEL_EXAMPLE]),
    partial_update=extend_schema(examples=[CHANGE_EXAMPLE]),
    destroy=extend_schema(responses={204: None} | CONFLICT),
)
class ChannelViewSet(TenantAPIView, ModelViewSet[Channel]):
    lookup_value_converter = "uuid"
    serializer_class = ChannelSerializer
    filterset_class = ChannelFilter
    ordering_fields = ("created_at", "name")
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = Channel.objects.none()
    scope_to_write = Scope.ADMIN

    def get_queryset(self) -> QuerySet[Channel]:
        return selectors.list_channels()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a channel. The answer holds the secret of a webhook, and no later one does."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = dict(serializer.validated_data)
        address = self._checked(fields.pop("kind"), fields.pop("address"))
        with tenant_scope(self.principal.tenant_id):
            channel, secret = services.create_channel(
                address=address, by=self.principal.name, **fields
            )
        return Response(with_secret(channel, secret), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a channel; without an address, it keeps the one that it has."""
        channel = self.get_object()
        serializer = self.get_serializer(channel, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        fields = dict(serializer.validated_data)
        kind = fields.pop("kind", channel.kind)
        address = self._checked(kind, fields.pop("address", None), kept_kind=channel.kind)
        with tenant_scope(self.principal.tenant_id):
            channel = self.get_object()
            services.update_channel(channel, address=address, **fields)
        return Response(self.get_serializer(channel).data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove a channel and its notifications; 409 while a route names it."""
        try:
            services.delete_channel(self.get_object())
        except services.ChannelInUse as error:
            raise Conflict(str(error)) from error
        return Response(status=204)

    @extend_schema(request=None, responses=ReplySerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def test(self, request: Request, pk: UUID) -> Response:
        """Send a test message, and answer what the channel said."""
        check_no_fields(request)
        channel = self.get_object()
        self.leave_scope()
        reply = services.send_test(channel)
        return Response({"is_ok": reply.is_ok, "said": reply.said})

    @extend_schema(request=None, responses=ChannelWithSecretSerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def rotate(self, request: Request, pk: UUID) -> Response:
        """Give a webhook a new secret, which this answer alone holds. The old one signs beside it for a day."""
        check_no_fields(request)
        channel = self.get_object()
        return Response(with_secret(channel, services.rotate_secret(channel)))

    def _checked(self, kind: str, address: str | None, kept_kind: str = "") -> Any:
        """Check an address outside of the transaction, as the network is asked."""
        services.check_kind(kind, kept_kind)
        self.leave_scope()
        return None if address is None else services.check_address(kind, address)


def with_secret(channel: Channel, secret: str) -> dict[str, Any]:
    """A channel as the API shows it once."""
    return {**ChannelSerializer(channel).data, "secret": secret}
