"""Serves `/api/v1/jobs`, and answers requests from jobs."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from drift_detector.api.problem_documents import MEDIA_TYPE
from drift_detector.api.views import TenantAPIView
from drift_detector.api.waiting import place_to_wait
from monitors.jobs import selectors
from monitors.jobs import services as jobs
from monitors.jobs.serializers import JobSerializer
from monitors.models import Job


@extend_schema_view(
    retrieve=extend_schema(description="Read a job, with its answer once a worker has given it.")
)
class JobViewSet(TenantAPIView, RetrieveModelMixin, GenericViewSet[Job]):
    """A request that was answered with 202, as a worker was not done with the data in time."""

    lookup_value_converter = "uuid"
    queryset = Job.objects.none()
    serializer_class = JobSerializer

    def get_queryset(self) -> QuerySet[Job]:
        return Job.objects.defer("fields")


def answer_by_job(
    view: TenantAPIView,
    kind: Job.Kind,
    fields: Mapping[str, Any],
    monitor_id: UUID | None = None,
) -> Response:
    """Have a worker read the data and answer the view's request, and wait for it as long as the settings say."""
    tenant_id = view.principal.tenant_id
    job = jobs.request_job(
        kind=kind, fields=fields, requested_by=view.principal.name, monitor_id=monitor_id
    )
    view.leave_scope()
    seconds = settings.ENV.jobs.wait_seconds
    with place_to_wait(view.request, tenant_id) as may_wait:
        job = selectors.wait_for_job(
            tenant_id=tenant_id, job_id=job.id, seconds=seconds, may_wait=may_wait
        )
    return job_response(view.request, job)


def job_response(request: Request, job: Job) -> Response:
    """The answer of a job to the request that asked for it; 202 with the job while it has none."""
    if not job.is_finished:
        location = reverse("job-detail", args=[job.id], request=request)
        return Response(JobSerializer(job).data, status=202, headers={"Location": location})
    media_type = MEDIA_TYPE if job.status == Job.Status.FAILED else None
    return Response(json.loads(job.answer), status=job.answer_status, content_type=media_type)
