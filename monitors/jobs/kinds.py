"""Says how each kind of job is answered: read the data first, then write and answer in one transaction.

A room above registers the kinds that need its own rows when it starts.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.renderers import JSONRenderer

from drift_detector.api.problems import Conflict
from drift_detector.tenancy.scope import tenant_scope
from monitors import services
from monitors.features import check_sources
from monitors.jobs.previews import add_budget, preview_monitor
from monitors.jobs.sampled_values import forget_values_of
from monitors.jobs.samples import sample_data
from monitors.models import Job, Monitor
from monitors.selectors import get_source_policy
from monitors.serializers import MonitorSerializer, PreviewSerializer
from monitors.sources import SourceError, SourcePolicy, list_place

CHANGED_MEANWHILE = "The monitor was changed while its data was read. Send the change again."


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: int
    body: Mapping[str, Any]
    monitor_id: UUID | None = None

    @property
    def text(self) -> str:
        """The body as JSON."""
        return JSONRenderer().render(self.body).decode()


type Ending = Callable[[], Answer]
"""What is left to do once the data has been read, inside the transaction that ends the job."""


def read_data(job: Job) -> Ending:
    """Read what a job needs, with no transaction open.

    Raises:
        ValidationError: If the data is not as the job's fields say.
        APIException: If the monitor is not there any more.
    """
    return KINDS[Job.Kind(job.kind)](job)


def _read_for_listing(job: Job) -> Ending:
    try:
        found = list_place(str(job.fields["place"]), _policy_of(job))
    except SourceError as error:
        raise ValidationError({"place": str(error)}) from error
    return partial(Answer, 200, asdict(found))


def _read_for_sample(job: Job) -> Ending:
    fields = job.fields
    found = sample_data(str(fields["place"]), _policy_of(job), str(fields["data_timezone"]))
    return partial(Answer, 200, found)


def _read_for_preview(job: Job) -> Ending:
    fields, policy = _fields_of(MonitorSerializer(data=job.fields)), _policy_of(job)
    check_sources(fields, policy)
    monitor = Monitor(**fields)
    return partial(_answer_preview, monitor, preview_monitor(monitor, policy))


def _answer_preview(monitor: Monitor, preview: dict[str, Any]) -> Answer:
    return Answer(200, PreviewSerializer(add_budget(preview, monitor)).data)


def _read_for_creation(job: Job) -> Ending:
    fields = _fields_of(MonitorSerializer(data=job.fields))
    check_sources(fields, _policy_of(job))
    return partial(_create, job, fields)


def _create(job: Job, fields: Mapping[str, Any]) -> Answer:
    monitor = services.create_monitor(created_by=job.requested_by, **fields)
    forget_values_of(monitor)
    return Answer(201, MonitorSerializer(monitor).data, monitor.id)


def _read_for_change(job: Job) -> Ending:
    with tenant_scope(job.tenant_id):
        monitor = _monitor_of(job, Monitor.objects.all())
    checked = services.source_fields(monitor, _changes_of(job, monitor))
    check_sources(checked, _policy_of(job))
    return partial(_change, job, checked)


def _change(job: Job, checked: Mapping[str, Any]) -> Answer:
    """Change the monitor as it is now, unless other data than what was checked would be read then."""
    monitor = _monitor_of(job, Monitor.objects.select_for_update(no_key=True))
    changes = _changes_of(job, monitor)
    if services.source_fields(monitor, changes) != checked:
        raise Conflict(CHANGED_MEANWHILE)
    services.update_monitor(monitor=monitor, **changes)
    forget_values_of(monitor)
    return Answer(200, MonitorSerializer(monitor).data, monitor.id)


def _monitor_of(job: Job, monitors: QuerySet[Monitor]) -> Monitor:
    monitor = monitors.filter(id__in=[job.monitor_id]).first()
    if monitor is None:
        raise NotFound("There is no such object.")
    return monitor


def _changes_of(job: Job, monitor: Monitor) -> dict[str, Any]:
    return _fields_of(MonitorSerializer(monitor, data=job.fields, partial=True))


def _fields_of(serializer: MonitorSerializer) -> dict[str, Any]:
    """The fields of a request, which were right when it came."""
    serializer.is_valid(raise_exception=True)
    fields: dict[str, Any] = serializer.validated_data
    return fields


def _policy_of(job: Job) -> SourcePolicy:
    with tenant_scope(job.tenant_id):
        return get_source_policy()


def register_kind(kind: Job.Kind, read: Callable[[Job], Ending]) -> None:
    """Have jobs of a kind read their data so."""
    KINDS[kind] = read


KINDS: dict[Job.Kind, Callable[[Job], Ending]] = {
    Job.Kind.BROWSE: _read_for_listing,
    Job.Kind.SAMPLE: _read_for_sample,
    Job.Kind.PREVIEW: _read_for_preview,
    Job.Kind.CREATE_MONITOR: _read_for_creation,
    Job.Kind.UPDATE_MONITOR: _read_for_change,
}
