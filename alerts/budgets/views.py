"""Serves `/api/v1/budget` and `/api/v1/models/{id}/budget`."""

from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from alerts.budgets.serializers import BudgetRequestSerializer, BudgetSerializer
from alerts.budgets.spending import get_standing
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope
from monitors.budgets.levels import get_budget
from monitors.budgets.services import put_budget, remove_budget
from monitors.models import Monitor

EXAMPLE = OpenApiExample("Three a month", value={"false_alerts_per_month": 3}, request_only=True)


class TenantBudgetView(TenantAPIView):
    scope_to_write = Scope.ADMIN
    body_is_required = True

    @extend_schema(operation_id="budget", responses=BudgetSerializer)
    def get(self, request: Request) -> Response:
        """The tenant's false-alarm budget: promised, expected, spent in the last 30.4 days, left, and by whom."""
        return _standing(None)

    @extend_schema(
        operation_id="budget_put",
        request=BudgetRequestSerializer,
        responses=BudgetSerializer,
        examples=[EXAMPLE],
    )
    def put(self, request: Request) -> Response:
        """Say how many false alerts a month the tenant can bear; runs that end from now on keep to it."""
        return _put(request, None, self.principal.name)


class ModelBudgetView(TenantAPIView):
    scope_to_write = Scope.ADMIN
    body_is_required = True

    @extend_schema(operation_id="models_budget", responses=BudgetSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """The false-alarm budget of a model's monitors, and how they spend it."""
        _require_model(pk)
        return _standing(pk)

    @extend_schema(
        operation_id="models_budget_put",
        request=BudgetRequestSerializer,
        responses=BudgetSerializer,
        examples=[EXAMPLE],
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Give a model's monitors a budget of their own; they keep to the tenant's, too: the stricter one holds."""
        _require_model(pk)
        return _put(request, pk, self.principal.name)

    @extend_schema(operation_id="models_budget_delete", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Remove the budget of a model; its monitors keep to the tenant's."""
        _require_model(pk)
        remove_budget(pk)
        return Response(status=204)


def _put(request: Request, model_id: UUID | None, by: str) -> Response:
    serializer = BudgetRequestSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    put_budget(model_id, by=by, **serializer.validated_data)
    return _standing(model_id)


def _standing(model_id: UUID | None) -> Response:
    return Response(BudgetSerializer(get_standing(model_id)).data)


def _require_model(model_id: UUID) -> None:
    """A model has monitors, or a budget from when it had some."""
    has_monitor = Monitor.objects.filter(model_id=model_id).exists()
    if not has_monitor and get_budget(model_id) is None:
        raise Http404
