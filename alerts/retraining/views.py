"""Serves `/api/v1/retraining-requests`, the rules for them, and `/api/v1/models/{id}/deployed`."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from alerts.models import RetrainingRequest, RetrainingRule
from alerts.retraining import deployments, progress, rules
from alerts.retraining.evidence import INSTALLATION_RULE
from alerts.retraining.filters import RetrainingRequestFilter
from alerts.retraining.serializers import (
    DeploymentSerializer,
    NewModelSerializer,
    RetrainingRequestSerializer,
    RetrainingRuleSerializer,
)
from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.serializers import check_no_fields
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope
from monitors.models import Monitor

RULE_EXAMPLE = OpenApiExample(
    "performance, or two windows",
    {"performance": True, "persistence_runs": 2, "cooldown": "P7D", "shortest_range": "P28D"},
    request_only=True,
)
DEPLOYED_EXAMPLE = OpenApiExample(
    "four weeks",
    {
        "trained_from": "2024-01-01T00:00:00Z",
        "trained_to": "2024-01-29T00:00:00Z",
        "model_version": "7",
    },
    request_only=True,
)


@extend_schema_view(
    list=extend_schema(description="List retraining requests: at most one open per model."),
    retrieve=extend_schema(
        description="Read a retraining request: its evidence, its deployment and its verification."
    ),
)
class RetrainingRequestViewSet(TenantAPIView, ReadOnlyModelViewSet[RetrainingRequest]):
    scope_to_write = Scope.ALERTS_WRITE
    lookup_value_converter = "uuid"
    queryset = RetrainingRequest.objects.none()
    serializer_class = RetrainingRequestSerializer
    filterset_class = RetrainingRequestFilter

    def get_queryset(self) -> QuerySet[RetrainingRequest]:
        return RetrainingRequest.objects.all()

    @extend_schema(request=None, responses={200: RetrainingRequestSerializer} | CONFLICT)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: UUID) -> Response:
        """Allow further requests for the model after retraining did not help."""
        check_no_fields(request)
        try:
            released = progress.release_request(request_id=pk, by=self.principal.name)
        except RetrainingRequest.DoesNotExist as error:
            raise Http404 from error
        except progress.NotReleasable as error:
            raise Conflict(str(error)) from error
        return Response(RetrainingRequestSerializer(released).data)


class TenantRuleView(TenantAPIView):
    scope_to_write = Scope.ADMIN
    body_is_required = True

    @extend_schema(operation_id="retraining_rule", responses=RetrainingRuleSerializer)
    def get(self, request: Request) -> Response:
        """The rule for models that have none of their own: the tenant's, else the installation's."""
        return Response(RetrainingRuleSerializer(_rule_of(None)).data)

    @extend_schema(
        operation_id="retraining_rule_put",
        request=RetrainingRuleSerializer,
        responses=RetrainingRuleSerializer,
        examples=[RULE_EXAMPLE],
    )
    def put(self, request: Request) -> Response:
        """Set the tenant's rule; what is not sent is not asked."""
        return _put(request, None, self.principal.name)


class ModelRuleView(TenantAPIView):
    scope_to_write = Scope.ADMIN
    body_is_required = True

    @extend_schema(operation_id="models_retraining_rule", responses=RetrainingRuleSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """The rule that holds for a model: its own, else the tenant's, else the installation's."""
        _require_model(pk)
        return Response(RetrainingRuleSerializer(_rule_of(pk)).data)

    @extend_schema(
        operation_id="models_retraining_rule_put",
        request=RetrainingRuleSerializer,
        responses=RetrainingRuleSerializer,
        examples=[RULE_EXAMPLE],
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Set the rule of a model; what is not sent is not asked."""
        _require_model(pk)
        return _put(request, pk, self.principal.name)


def _rule_of(model_id: UUID | None) -> RetrainingRule:
    own = rules.get_rule(model_id) if model_id else None
    return own or rules.get_rule(None) or rules.as_stored(INSTALLATION_RULE)


def _put(request: Request, model_id: UUID | None, by: str) -> Response:
    serializer = RetrainingRuleSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    rule = rules.put_rule(model_id, serializer.validated_data, by=by)
    return Response(RetrainingRuleSerializer(rule).data)


def _require_model(model_id: UUID) -> None:
    if not Monitor.objects.filter(model_id=model_id).exists():
        raise Http404


class ModelDeployedView(TenantAPIView):
    scope_to_write = Scope.MONITORS_WRITE

    @extend_schema(
        operation_id="models_deployed",
        request=NewModelSerializer,
        responses={201: DeploymentSerializer, 200: DeploymentSerializer} | CONFLICT,
        examples=[DEPLOYED_EXAMPLE],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Say that a new model was deployed, and what it was trained on.

        The training range becomes the reference of the model's monitors, and an open retraining request is verified by
        the next windows. The same report a second time changes nothing and is answered with 200.
        """
        serializer = NewModelSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        new = deployments.NewModel(model_id=pk, **serializer.validated_data)
        try:
            made, is_new = deployments.report_deployment(new, by=self.principal.name)
        except deployments.NoModel as error:
            raise Http404 from error
        except deployments.OtherDeployment as error:
            raise Conflict(str(error)) from error
        return Response(DeploymentSerializer(made).data, status=201 if is_new else 200)
