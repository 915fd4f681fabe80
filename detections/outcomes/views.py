"""Serves `/api/v1/monitors/{id}/outcomes` and `/detectors`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pyarrow as pa
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from detections.outcomes.detector_states import list_detector_states
from detections.outcomes.ingest import DEFAULT_STREAM, Accepted
from detections.outcomes.outcome_tables import (
    LONGEST_BATCH_ID,
    LONGEST_STREAM,
    check_name,
    rows_from_arrow,
    rows_from_json,
    rows_from_ndjson,
)
from detections.outcomes.refusals import BadOutcomes, IdReused
from detections.outcomes.serializers import (
    AcceptedSerializer,
    DetectorSerializer,
    OutcomeColumnsSerializer,
    OutcomeSerializer,
    OutcomesSerializer,
)
from detections.outcomes.services import accept_outcomes
from drift_detector.api.names import unknown_names
from drift_detector.api.parsers import ArrowParser, CappedJSONParser, NdjsonParser
from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.queries import name_schema, takes_query
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope
from monitors.models import Monitor

WRAPPER = frozenset(OutcomesSerializer().fields)
"""The fields of the JSON object that outcomes can come in."""
OUTCOMES_BODY = PolymorphicProxySerializer(
    component_name="OutcomesBody",
    serializers=[OutcomesSerializer, OutcomeSerializer(many=True), OutcomeColumnsSerializer],
    resource_type_field_name=None,
    many=False,
)
OUTCOMES_EXAMPLE = OpenApiExample(
    "labelled and waiting",
    {
        "batch_id": "monday-1",
        "outcomes": [
            {"occurred_at": "2024-01-22T08:00:00Z", "prediction": 1, "label": 0},
            {"prediction_id": "f-42", "prediction": 1, "score": 0.8},
        ],
    },
    request_only=True,
    media_type="application/json",
)


class MonitorOutcomesView(TenantAPIView):
    scope_to_write = Scope.OUTCOMES_WRITE
    parser_classes = [CappedJSONParser, NdjsonParser, ArrowParser]
    body_is_required = True  # for the OpenAPI document

    @takes_query(
        OpenApiParameter(
            "batch_id",
            name_schema(LONGEST_BATCH_ID),
            description="The same id with the same outcomes counts once; with other outcomes it is a conflict.",
        ),
        OpenApiParameter(
            "stream",
            name_schema(LONGEST_STREAM),
            description="One of the monitor's sequences; `default` if left out.",
        ),
    )
    @extend_schema(
        operation_id="monitors_outcomes",
        request={
            "application/json": OUTCOMES_BODY,
            "application/x-ndjson": {"type": "string", "format": "binary"},
            "application/vnd.apache.arrow.stream": {"type": "string", "format": "binary"},
        },
        responses={200: AcceptedSerializer} | CONFLICT,
        examples=[OUTCOMES_EXAMPLE],
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Take outcomes in, in this order: predictions with their labels, or their errors, or either half alone."""
        monitor = get_object_or_404(Monitor, id=pk)
        if monitor.status == Monitor.Status.DISABLED:
            raise Conflict("The monitor is disabled.")
        try:
            accepted = _accept(request, monitor)
        except IdReused as error:
            raise Conflict(str(error)) from error
        except BadOutcomes as error:
            raise ValidationError({"outcomes": str(error)}) from error
        return Response(AcceptedSerializer(accepted).data)


class MonitorDetectorsView(TenantAPIView):
    @extend_schema(operation_id="monitors_detectors", responses=DetectorSerializer(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        """Each detector's signal, and the number of errors that it has read."""
        monitor = get_object_or_404(Monitor, id=pk)
        states = list_detector_states(monitor.id)
        return Response(DetectorSerializer(states, many=True).data)


def _accept(request: Request, monitor: Monitor) -> Accepted:
    rows = _rows(request)
    return accept_outcomes(
        monitor=monitor,
        stream=_name(request, "stream", LONGEST_STREAM) or DEFAULT_STREAM,
        batch_id=_name(request, "batch_id", LONGEST_BATCH_ID) or str(uuid4()),
        rows=rows,
    )


def _rows(request: Request) -> pa.Table:
    body: Any = request.data
    if body in (b"", {}):
        raise BadOutcomes("The body is empty; it needs outcomes.")
    if _is_wrapped(body):
        _check_wrapper(body)
        return rows_from_json(body["outcomes"])
    if not isinstance(body, bytes):
        return rows_from_json(body)
    if request.content_type.startswith(ArrowParser.media_type):
        return rows_from_arrow(body)
    return rows_from_ndjson(body)


def _is_wrapped(body: Any) -> bool:
    """True if the outcomes are a field of the JSON, beside the names of stream and batch."""
    return isinstance(body, Mapping) and not WRAPPER.isdisjoint(body)


def _check_wrapper(body: Mapping[str, Any]) -> None:
    """Refuse fields beside the outcomes that mean nothing, and names without outcomes."""
    if unknown := unknown_names(body, WRAPPER, what="field"):
        raise ValidationError(unknown)
    if "outcomes" not in body:
        raise BadOutcomes("outcomes is missing beside the names of the batch and the stream.")


def _name(request: Request, name: str, longest: int) -> str:
    """A name from the query, or from the JSON beside the outcomes; empty without one."""
    body: Any = request.data
    inside = body.get(name, "") if _is_wrapped(body) else ""
    given = request.query_params.get(name, inside)
    if inside not in ("", given):
        raise ValidationError({name: f"{name} is {given!r} in the query, but another in the body."})
    return check_name(name, given, longest)
