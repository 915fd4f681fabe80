"""Serves what people do with alerts: `/api/v1/alerts/{id}/acknowledge` and its like, in bulk, and the timeline."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from alerts.episodes.phases import IllegalMove
from alerts.models import Alert
from alerts.serializers import AlertSerializer
from alerts.workflow import serializers
from alerts.workflow.bulk import ACTIONS, OK, act_on_all
from alerts.workflow.timeline import get_timeline
from drift_detector.api.pagination import NewestFirst
from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.queries import PAGING, takes_query
from drift_detector.api.serializers import sent_fields
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope

BODIES: dict[str, type[Serializer[Any]]] = {
    "acknowledge": serializers.AcknowledgeSerializer,
    "snooze": serializers.SnoozeSerializer,
    "assign": serializers.AssignSerializer,
    "resolve": serializers.ResolveSerializer,
    "comment": serializers.CommentSerializer,
}
# The example of a snooze must be in the future when it is sent.
NEXT_MONTH = f"{timezone.now() + timedelta(days=30):%Y-%m-%dT06:00:00Z}"
ANSWERS = {200: AlertSerializer} | CONFLICT
SAID: dict[str, dict[str, Any]] = {
    "acknowledge": {"reason": "real", "note": "Snow on Monday."},
    "snooze": {"until": NEXT_MONTH, "note": "The new feed comes on Monday."},
    "assign": {"assignee": "", "note": "Free to take."},
    "resolve": {"reason": "data_bug", "note": "The feed sent minutes as seconds; it is mended."},
    "comment": {"note": "The airline has new planes since May."},
}


def _example(action: str) -> list[OpenApiExample]:
    return [OpenApiExample(action, SAID[action], request_only=True)]


class _ActionView(TenantAPIView):
    """One action on one alert, through its service."""

    scope_to_write = Scope.ALERTS_WRITE

    def act(self, action: str, request: Request, alert_id: UUID) -> Response:
        """Check the body, call the service, and answer with the alert as it is now."""
        said = _checked(BODIES[action], request.data)
        try:
            alert = ACTIONS[action](alert_id=alert_id, by=self.principal.name, **said)
        except Alert.DoesNotExist as error:
            raise Http404 from error
        except IllegalMove as error:
            raise Conflict(str(error)) from error
        return Response(AlertSerializer(alert).data)


def _checked(body: type[Serializer[Any]], sent: Any) -> dict[str, Any]:
    serializer = body(data=sent)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class AcknowledgeView(_ActionView):
    @extend_schema(
        operation_id="alerts_acknowledge",
        request=serializers.AcknowledgeSerializer,
        responses=ANSWERS,
        examples=[OpenApiExample("note", {"note": "Snow on Monday."}, request_only=True)],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Say that you have seen an alert, with a note for the others and a reason to learn from."""
        return self.act("acknowledge", request, pk)


class AlertAcknowledgeView(_ActionView):
    @extend_schema(
        operation_id="alerts_acknowledge_one",
        request=serializers.AcknowledgeSerializer,
        responses=ANSWERS,
        examples=_example("acknowledge"),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Say that you have seen an alert, as `/alerts/acknowledge/{id}` does; it holds until the alert worsens."""
        return self.act("acknowledge", request, pk)


class SnoozeView(_ActionView):
    @extend_schema(
        operation_id="alerts_snooze",
        request=serializers.SnoozeSerializer,
        responses=ANSWERS,
        examples=_example("snooze"),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Let an alert rest until a moment; then people are notified again, unless it is resolved by then."""
        return self.act("snooze", request, pk)


class AssignView(_ActionView):
    @extend_schema(
        operation_id="alerts_assign",
        request=serializers.AssignSerializer,
        responses=ANSWERS,
        examples=_example("assign"),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Name the one who takes care of an alert; an empty `assignee` takes the old one away."""
        return self.act("assign", request, pk)


class ResolveView(_ActionView):
    @extend_schema(
        operation_id="alerts_resolve",
        request=serializers.ResolveSerializer,
        responses=ANSWERS,
        examples=_example("resolve"),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """End an episode by hand; the next drifted run opens a new alert, linked to this one."""
        return self.act("resolve", request, pk)


class CommentView(_ActionView):
    @extend_schema(
        operation_id="alerts_comment",
        request=serializers.CommentSerializer,
        responses={200: AlertSerializer},
        examples=_example("comment"),
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Write a note into the timeline of an alert; nothing else changes."""
        return self.act("comment", request, pk)


class BulkView(TenantAPIView):
    scope_to_write = Scope.ALERTS_WRITE

    @extend_schema(
        operation_id="alerts_bulk",
        request=serializers.BulkSerializer,
        responses={200: serializers.BulkAnswerSerializer},
        examples=[
            OpenApiExample(
                "acknowledge",
                {
                    "ids": ["6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d"],
                    "action": "acknowledge",
                    "reason": "noise",
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Do one thing to up to 200 alerts; each has a result of its own, and those that can be changed are.

        The fields beside `ids` and `action` are those of the action. A wrong one refuses the whole request.
        """
        asked = serializers.BulkSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        fields = sent_fields(asked)
        action, ids = fields.pop("action"), asked.validated_data["ids"]
        del fields["ids"]
        said = _checked(BODIES[action], fields)
        results = act_on_all(alert_ids=ids, action=action, by=self.principal.name, said=said)
        done = sum(result.status == OK for result in results)
        answer = {"done": done, "results": results}
        return Response(serializers.BulkAnswerSerializer(answer).data)


class OldestFirst(NewestFirst):
    """Pages that begin with the oldest entry."""

    ordering = ("created_at", "id")


class TimelineView(TenantAPIView, GenericAPIView[Any]):
    queryset = Alert.objects.none()
    serializer_class = serializers.TimelineEntrySerializer
    pagination_class = OldestFirst

    @takes_query(*PAGING)
    @extend_schema(
        operation_id="alerts_timeline", responses=serializers.TimelineEntrySerializer(many=True)
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Read an alert's timeline, oldest first: its transitions, what people did and wrote, and its runs."""
        alert = get_object_or_404(Alert, id=pk)
        paginator: Any = self.paginator
        page = paginator.paginate_queryset(get_timeline(alert.id), request, view=self)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
