"""Serves `/api/v1/model-mappings`, and the address of MLflow's webhooks."""

import re
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import ModelViewSet

from alerts.models import ModelMapping
from alerts.retraining import mlflow
from alerts.retraining.serializers import ModelMappingSerializer
from drift_detector.api.queries import check_query
from drift_detector.api.views import TenantAPIView
from drift_detector.encryption import encrypt, has_key
from drift_detector.tenancy.acting import acting_in
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.principal import Actor, ActorKind
from drift_detector.tenancy.scope import current_tenant_id, tenant_scope

LONGEST_HEADER = 200
TIMESTAMP = "^[0-9]{1,12}$"
MAPPING_EXAMPLE = OpenApiExample(
    "late arrivals",
    {
        "registered_model": "late-arrivals",
        "alias": "champion",
        "model_id": "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d",
        "secret": "the secret of the webhook",
        "training_days": 90,
    },
    request_only=True,
)
MAPPING_CHANGE = OpenApiExample("half a year", {"training_days": 180}, request_only=True)
ALIAS_EXAMPLE = OpenApiExample(
    "an alias",
    {
        "entity": "model_version_alias",
        "action": "created",
        "timestamp": "2024-01-29T00:00:00Z",
        "data": {"name": "late-arrivals", "alias": "champion", "version": "7"},
    },
    request_only=True,
)
HEADERS = {
    "X-MLflow-Signature": "`v1,` and the base64 of the HMAC-SHA256 of the delivery, by the secret.",
    "X-MLflow-Delivery-Id": "The id of the delivery.",
    "X-MLflow-Timestamp": "When it was signed: seconds since 1970.",
}


@extend_schema_view(
    list=extend_schema(description="List the registry's aliases and their models."),
    retrieve=extend_schema(description="Read a mapping; its secret is not shown."),
    create=extend_schema(
        description="Map an alias of a registered model to the model of monitors.",
        examples=[MAPPING_EXAMPLE],
    ),
    partial_update=extend_schema(
        description="Change a mapping, or its secret.", examples=[MAPPING_CHANGE]
    ),
    destroy=extend_schema(description="Remove a mapping."),
)
class ModelMappingViewSet(TenantAPIView, ModelViewSet[ModelMapping]):
    """A registered model's alias in MLflow, and the model of the monitors that it stands for."""

    scope_to_write = Scope.ADMIN
    lookup_value_converter = "uuid"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = ModelMapping.objects.none()
    serializer_class = ModelMappingSerializer

    def get_queryset(self) -> QuerySet[ModelMapping]:
        return ModelMapping.objects.all()

    def perform_create(self, serializer: BaseSerializer[ModelMapping]) -> None:
        serializer.save(tenant_id=current_tenant_id(), **self._changes(serializer))

    def perform_update(self, serializer: BaseSerializer[ModelMapping]) -> None:
        serializer.save(**self._changes(serializer))

    def _changes(self, serializer: BaseSerializer[ModelMapping]) -> dict[str, str]:
        """The fields that a person does not send as they are stored."""
        secret = serializer.validated_data.get("secret")
        if secret and not has_key():
            raise ValidationError({"secret": NO_KEY})
        changes = {"changed_by": self.principal.name}
        return changes | ({"secret": encrypt(secret)} if secret else {})


NO_KEY = "The installation has no key to keep it (AUMOS_DRIFT_ENCRYPTION__KEY)."


class NotSigned(APIException):
    """No secret of the tenant has signed the request."""

    status_code = 401
    default_code = "not_signed"


class MlflowPayloadSerializer(serializers.Serializer[Any]):
    entity = serializers.CharField()
    action = serializers.CharField()
    timestamp = serializers.CharField(required=False)
    data = serializers.DictField()  # type: ignore[assignment]


class MlflowAnswerSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["deployed", "known", "ignored"])
    reason = serializers.CharField(allow_blank=True)
    deployment_id = serializers.UUIDField(source="deployment.id", default=None, allow_null=True)


def _header(name: str, words: str) -> OpenApiParameter:
    pattern = TIMESTAMP if name == "X-MLflow-Timestamp" else "^[!-~]+$"
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_HEADER, "pattern": pattern}
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, required=True, description=words)


MLFLOW = Actor(ActorKind.TOKEN, id="mlflow", name="mlflow")
"""A registry that signs its deliveries with the secret of a mapping."""


class MlflowWebhookView(APIView):
    """Takes deliveries that are signed; a key is not needed."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_query(self, request)

    @extend_schema(
        operation_id="integrations_mlflow",
        request=MlflowPayloadSerializer,
        parameters=[_header(name, words) for name, words in HEADERS.items()],
        responses=MlflowAnswerSerializer,
        examples=[ALIAS_EXAMPLE],
        auth=[],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Take MLflow's `model_version_alias.created` as the report of a deployment.

        The id is the tenant's. The range that the model was trained on is the one that the open retraining request
        suggests, else the last days that the mapping names. Other events and unmapped aliases are answered with 200 and
        `ignored`.
        """
        delivery = _delivery(request)
        with acting_in(request._request, MLFLOW, pk), tenant_scope(pk):
            try:
                mappings = mlflow.mappings_signed_by(delivery)
            except mlflow.WrongSignature as error:
                raise NotSigned(str(error)) from error
            outcome = _take(request, mappings)
            return Response(MlflowAnswerSerializer(outcome).data)


def _take(request: Request, mappings: Any) -> mlflow.Outcome:
    payload = request.data
    if not isinstance(payload, dict):
        raise ValidationError({"body": ["Must be an object."]})
    try:
        created = mlflow.alias_created(payload)
    except ValueError as error:
        raise ValidationError({f"data.{error}": ["Must be text."]}) from error
    if created is None:
        return mlflow.Outcome("ignored", "Only model_version_alias.created is a deployment.")
    return mlflow.take_alias(created, mappings)


def _delivery(request: Request) -> mlflow.Delivery:
    """The delivery as it was signed.

    Raises:
        ValidationError: If a header is missing or malformed.
    """
    body = request.body
    headers = {name: request.headers.get(name, "") for name in HEADERS}
    wrong = {name: f"{name} is needed." for name, value in headers.items() if not value}
    timestamp = headers["X-MLflow-Timestamp"]
    if timestamp and not re.fullmatch(TIMESTAMP, timestamp):
        wrong["X-MLflow-Timestamp"] = "X-MLflow-Timestamp must be seconds since 1970."
    if wrong:
        raise ValidationError({name: [reason] for name, reason in wrong.items()})
    return mlflow.Delivery(
        delivery_id=headers["X-MLflow-Delivery-Id"],
        timestamp=timestamp,
        signature=headers["X-MLflow-Signature"],
        body=body,
    )
