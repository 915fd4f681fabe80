"""Serves `/api/v1/keys`."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from drift_detector.api.fields import InstantField, IsoDurationField, TextField
from drift_detector.api.filters import InstantFilter, TextFilter
from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.serializers import KnownFieldsMixin, check_no_fields
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy import services
from drift_detector.tenancy.models import ApiKey, KeyState, Scope
from drift_detector.tenancy.services import ENDLESS, LONGEST_OVERLAP, USUAL_LIFETIME, Lifetime

END = (
    "By default a year from now, or as the installation sets it. "
    "`null`, sent as such, makes a key that only a person ends."
)
NEW_EXAMPLE = OpenApiExample(
    "outcomes", {"name": "Pipeline", "scopes": ["outcomes:write"]}, request_only=True
)
ROTATE_EXAMPLE = OpenApiExample("two days", {"overlap": "P2D"}, request_only=True)

type Sent = dict[str, Any]


def _scopes() -> serializers.ListField:
    scope = serializers.ChoiceField(choices=Scope.choices)
    return serializers.ListField(child=scope, min_length=1, max_length=len(Scope))


class KeySerializer(serializers.ModelSerializer[ApiKey]):
    scopes = _scopes()
    state = serializers.ChoiceField(choices=KeyState.choices, read_only=True)
    successor_id = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "scopes",
            "state",
            "created_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "last_used_from",
            "successor_id",
        ]
        read_only_fields = fields


class ShownKeySerializer(KeySerializer):
    """A key in the answer to the request that made it, and in no later one."""

    key = serializers.CharField(read_only=True)

    class Meta(KeySerializer.Meta):
        fields = [*KeySerializer.Meta.fields, "key"]
        read_only_fields = fields


class _LifetimeSerializer(KnownFieldsMixin, serializers.Serializer[Sent]):
    expires_at = InstantField(required=False, allow_null=True, help_text=END)


class NewKeySerializer(_LifetimeSerializer):
    name = TextField(max_length=100, help_text="Its purpose.")
    scopes = _scopes()


class RotateSerializer(_LifetimeSerializer):
    overlap = IsoDurationField(
        required=False,
        help_text="For this time the old key is still answered: a week by default, "
        f"at most {LONGEST_OVERLAP.days} days; `PT0S` revokes it at once.",
    )


class KeyFilter(filters.FilterSet):  # type: ignore[misc]
    state = filters.ChoiceFilter(choices=KeyState.choices, method="of_state")
    name = TextFilter(field_name="name")
    since = InstantFilter(field_name="created_at", lookup_expr="gte")
    until = InstantFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = ApiKey
        fields: list[str] = []

    def of_state(self, queryset: QuerySet[ApiKey], name: str, value: str) -> QuerySet[ApiKey]:
        return queryset & ApiKey.objects.in_state(KeyState(value))


@extend_schema_view(
    list=extend_schema(description="List API keys, with those that have ended."),
    retrieve=extend_schema(description="Read an API key; the key itself is not stored."),
)
class KeyViewSet(TenantAPIView, ReadOnlyModelViewSet[ApiKey]):
    scope_to_read = scope_to_write = Scope.ADMIN
    lookup_value_converter = "uuid"
    serializer_class = KeySerializer
    filterset_class = KeyFilter
    ordering_fields = ("created_at", "name")
    queryset = ApiKey.objects.none()

    def get_queryset(self) -> QuerySet[ApiKey]:
        return ApiKey.objects.all()

    @extend_schema(
        request=NewKeySerializer, responses={201: ShownKeySerializer}, examples=[NEW_EXAMPLE]
    )
    def create(self, request: Request) -> Response:
        """Make an API key with scopes that you have. The answer holds the key, and no later one does."""
        sent = _checked(NewKeySerializer, request)
        scopes = [Scope(each) for each in sent["scopes"]]
        return _shown(
            lambda: services.create_api_key(
                name=sent["name"],
                scopes=scopes,
                lifetime=_lifetime(sent),
                granted_by=self.principal.scopes,
            )
        )

    @extend_schema(
        request=RotateSerializer,
        responses={201: ShownKeySerializer} | CONFLICT,
        examples=[ROTATE_EXAMPLE],
    )
    @action(detail=True, methods=["post"], filterset_class=None)
    def rotate(self, request: Request, pk: UUID) -> Response:
        """Make the successor of a key. The old one is still answered for a time."""
        sent = _checked(RotateSerializer, request)
        return _shown(
            lambda: services.rotate_api_key(
                key_id=pk,
                overlap=sent.get("overlap"),
                lifetime=_lifetime(sent),
                granted_by=self.principal.scopes,
            )
        )

    @extend_schema(request=None, responses=KeySerializer)
    @action(detail=True, methods=["post"], filterset_class=None)
    def revoke(self, request: Request, pk: UUID) -> Response:
        """Refuse requests with a key from now on; a key that is revoked already stays as it is."""
        check_no_fields(request)
        try:
            revoked = services.revoke_api_key(key_id=pk)
        except ApiKey.DoesNotExist as error:
            raise Http404 from error
        return Response(KeySerializer(revoked).data)


def _checked(body: type[serializers.Serializer[Sent]], request: Request) -> Sent:
    serializer = body(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _lifetime(sent: Sent) -> Lifetime:
    if "expires_at" not in sent:
        return USUAL_LIFETIME
    return ENDLESS if sent["expires_at"] is None else Lifetime(sent["expires_at"])


def _shown(make: Callable[[], tuple[ApiKey, str]]) -> Response:
    """The answer with a new key, which nothing on its way may store."""
    try:
        made, key = make()
    except services.ScopeNotHeld as error:
        raise PermissionDenied(str(error)) from error
    except services.NotRotatable as error:
        raise Conflict(str(error)) from error
    except ApiKey.DoesNotExist as error:
        raise Http404 from error
    document = {**KeySerializer(made).data, "key": key}
    return Response(document, status=201, headers={"Cache-Control": "no-store"})
