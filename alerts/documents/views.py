"""Serves `/api/v1/documents` and `/api/v1/models/{id}/document`: monitors as code."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import DestroyModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from alerts.documents import selectors, services
from alerts.documents.document_exports import TooManyMonitors, export_document
from alerts.documents.document_forms import DocumentSerializer, read_document
from alerts.documents.document_jobs import Order, check_model, check_order, fields_of_job
from alerts.documents.document_plans import plan_document
from alerts.documents.filters import DocumentFilter
from alerts.documents.serializers import (
    AppliedSerializer,
    DocumentPlanSerializer,
    DocumentSummarySerializer,
)
from alerts.models import Document
from drift_detector.api.problems import CONFLICT, Conflict
from drift_detector.api.queries import takes_query
from drift_detector.api.views import TenantAPIView
from drift_detector.tenancy.models import Scope
from monitors.jobs.serializers import JobSerializer
from monitors.jobs.views import answer_by_job
from monitors.models import Job

TRUTHS = {"true": True, "false": False}
REMOVE = OpenApiParameter(
    "remove",
    {"type": "boolean", "default": False},
    description="Take monitors off the schedule, and remove the budget, that the document owns and no longer names.",
)
EXPECTED = OpenApiParameter(
    "expected",
    {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    description="`plan_hash` of the plan that was agreed to; 409 if an apply would do something else.",
)
EXAMPLE = OpenApiExample(
    "flights",
    {
        "version": 1,
        "name": "flights",
        "model_id": "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d",
        "monitors": [
            {
                "name": "Flights by week",
                "reference_data_uri": "/data/flights",
                "reference_start": "2024-01-01T00:00:00Z",
                "reference_end": "2024-01-15T00:00:00Z",
                "current_data_uri": "/data/flights",
                "timestamp_column": "departs_at",
                "window": "P7D",
                "schedule_cron": "0 0 * * 1",
            }
        ],
        "budget": {"false_alerts_per_month": 3},
    },
    request_only=True,
)


@extend_schema_view(
    list=extend_schema(description="List the documents that were applied."),
    retrieve=extend_schema(description="Read when and by whom a document was applied."),
    destroy=extend_schema(
        description="Forget a document; its monitors and its budget stay, owned by no document."
    ),
)
class DocumentViewSet(
    TenantAPIView, ListModelMixin, RetrieveModelMixin, DestroyModelMixin, GenericViewSet[Document]
):
    scope_to_write = Scope.MONITORS_WRITE
    body_is_required = True  # for the OpenAPI document
    lookup_value_converter = "uuid"
    serializer_class = DocumentSummarySerializer
    filterset_class = DocumentFilter
    ordering_fields = ("created_at", "applied_at", "name")
    queryset = Document.objects.none()

    def get_queryset(self) -> QuerySet[Document]:
        return selectors.list_documents()

    def perform_destroy(self, instance: Document) -> None:
        services.release_document(instance)

    @extend_schema(
        request=DocumentSerializer,
        responses={200: DocumentPlanSerializer},
        examples=[EXAMPLE],
    )
    @action(detail=False, methods=["post"], filterset_class=None, pagination_class=None)
    def plan(self, request: Request) -> Response:
        """Compare a document with the monitors that there are, field by field; no data is read."""
        asked = read_document(request.data)
        present = selectors.get_present(asked)
        check_model(asked, present)
        return Response(DocumentPlanSerializer(plan_document(asked, present)).data)

    @takes_query(REMOVE, EXPECTED)
    @extend_schema(
        request=DocumentSerializer,
        responses={200: AppliedSerializer, 202: JobSerializer} | CONFLICT,
        examples=[EXAMPLE],
    )
    @action(detail=False, methods=["post"], filterset_class=None, pagination_class=None)
    def apply(self, request: Request) -> Response:
        """Create and change all monitors of a document, or none. A field that it does not state has its default.

        A worker reads the sources of what is new or reads other data. If that takes longer than ten seconds, the answer
        is 202 with a job, and the document is applied when they have been read. A change of the budget needs the scope
        `admin`, too.
        """
        asked = read_document(request.data)
        order = Order(
            remove=_read_truth(request, "remove"),
            expected=request.query_params.get("expected", ""),
            may_set_budget=Scope.ADMIN in self.principal.scopes,
        )
        services.check_quota(check_order(asked, selectors.get_present(asked), order))
        return answer_by_job(self, Job.Kind.APPLY_DOCUMENT, fields_of_job(request.data, order))


class ModelDocumentView(TenantAPIView):
    @extend_schema(operation_id="models_document", responses={200: DocumentSerializer} | CONFLICT)
    def get(self, request: Request, pk: UUID) -> Response:
        """The document of a model's monitors and of its budget, without the fields that have their defaults."""
        try:
            document = export_document(pk)
        except TooManyMonitors as error:
            raise Conflict(str(error)) from error
        if document is None:
            raise Http404
        return Response(document)


def _read_truth(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false")
    if text not in TRUTHS:
        raise ValidationError({name: [f"{name} must be true or false, not {text[:20]!r}."]})
    return TRUTHS[text]
