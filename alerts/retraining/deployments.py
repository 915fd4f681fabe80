"""Records that a new model was deployed: new baselines for its monitors, and the first half of the loop ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from alerts.models import Deployment, RetrainingRequest
from alerts.models.retraining_states import State
from alerts.retraining.old_limits import old_limits_of
from alerts.retraining.progress import (
    get_open_request,
    move_request,
    note_on_alert,
    release_all,
)
from alerts.retraining.requests import lock_model
from alerts.retraining.rules import rule_for
from drift_detector.tenancy.scope import current_tenant_id
from monitors.baselines.builds import request_baseline
from monitors.jobs.services import request_job
from monitors.models import Job, Monitor
from monitors.selectors import list_baselines
from monitors.services import update_monitor

log = structlog.get_logger(__name__)

NO_LIMITS = (
    "No monitor of the model has a performance limit that the old baseline gives a number for, "
    "so nothing says if the new model is better."
)


class NoModel(Exception):
    """The tenant has no monitor of this model."""


class OtherDeployment(Exception):
    """The version was reported before, with another training range; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModel:
    """The report of a pipeline about a model that it has deployed.

    Attributes:
        model_id: The model.
        trained_from: The start of the training range.
        trained_to: Its end, not included.
        deployed_at: Since then the new model makes the predictions.
        model_version: The version's name; empty if it has none.
        reference_data_uri: Where the training range's data is; empty: where the reference was.
        note: Words for people.
    """

    model_id: UUID
    trained_from: datetime
    trained_to: datetime
    deployed_at: datetime
    model_version: str = ""
    reference_data_uri: str = ""
    note: str = ""


def report_deployment(new: NewModel, *, by: str) -> tuple[Deployment, bool]:
    """Start a new baseline version of each monitor of the model, and move its open request on.

    Monitors are locked first, in the order of their ids, and then the model, as a run does it. With
    another place of the data, a worker reads it first, as it does for a change of a monitor.

    Returns:
        The deployment, and True if it is new; the same report a second time changes nothing.

    Raises:
        NoModel: If no monitor watches the model.
        OtherDeployment: If the version was reported with another range.
        OverQuota: If the tenant may have no further baseline today.
    """
    monitors = _locked_monitors(new.model_id)
    lock_model(new.model_id)
    known = _find_known(new)
    if known is not None:
        return known, False
    request = get_open_request(new.model_id)
    limits = _limits_by_monitor(monitors)
    baselines = {str(monitor.id): _renew(monitor, new, by) for monitor in monitors}
    deployment = _record(new, request, baselines, by)
    release_all(new.model_id, by=by)
    if request is not None:
        _move_on(request, new, limits, baselines, by)
    log.info("model_deployed", model_id=str(new.model_id), deployment_id=str(deployment.id), by=by)
    return deployment, True


def _locked_monitors(model_id: UUID) -> Sequence[Monitor]:
    """The model's monitors that are not disabled.

    Raises:
        NoModel: If the model has none at all.
    """
    locked = Monitor.objects.select_for_update(no_key=True).filter(model_id=model_id)
    monitors = list(locked.order_by("id"))
    if not monitors:
        raise NoModel
    return [each for each in monitors if each.status != Monitor.Status.DISABLED]


def _find_known(new: NewModel) -> Deployment | None:
    """The same deployment, if it was reported before."""
    deployments = Deployment.objects.filter(model_id=new.model_id)
    if not new.model_version:
        same = {"trained_from": new.trained_from, "trained_to": new.trained_to}
        return deployments.filter(model_version="", **same).first()
    known = deployments.filter(model_version=new.model_version).first()
    if known is None:
        return None
    if (known.trained_from, known.trained_to) != (new.trained_from, new.trained_to):
        start, end = known.trained_from.isoformat(), known.trained_to.isoformat()
        raise OtherDeployment(
            f"Version {new.model_version!r} was reported before, as trained from {start} to {end}."
        )
    return known


def _limits_by_monitor(monitors: Sequence[Monitor]) -> dict[str, dict[str, Any]]:
    limits = {str(monitor.id): old_limits_of(monitor) for monitor in monitors}
    return {monitor_id: each for monitor_id, each in limits.items() if each}


def _renew(monitor: Monitor, new: NewModel, by: str) -> dict[str, Any]:
    """Make the training range the monitor's reference; a worker looks first at data in another place."""
    latest = list_baselines(monitor.id).first()
    following = (latest.version if latest else 0) + 1
    fields = _reference_fields(monitor, new)
    if fields.get("reference_data_uri", monitor.reference_data_uri) != monitor.reference_data_uri:
        sent = {name: _as_sent(value) for name, value in fields.items()}
        job = request_job(
            kind=Job.Kind.UPDATE_MONITOR, fields=sent, requested_by=by, monitor_id=monitor.id
        )
        return {"version": following, "job_id": str(job.id)}
    if any(getattr(monitor, name) != value for name, value in fields.items()):
        update_monitor(monitor=monitor, **fields)
    else:
        request_baseline(monitor=monitor)
    return {"version": following}


def _reference_fields(monitor: Monitor, new: NewModel) -> dict[str, Any]:
    """The fields of a monitor that say what the reference is; data without times is one whole."""
    fields: dict[str, Any] = {}
    if monitor.timestamp_column:
        fields = {"reference_start": new.trained_from, "reference_end": new.trained_to}
    if new.reference_data_uri:
        fields["reference_data_uri"] = new.reference_data_uri
    return fields


def _as_sent(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _record(
    new: NewModel, request: RetrainingRequest | None, baselines: Mapping[str, Any], by: str
) -> Deployment:
    return Deployment.objects.create(
        tenant_id=current_tenant_id(),
        request=request,
        model_id=new.model_id,
        trained_from=new.trained_from,
        trained_to=new.trained_to,
        model_version=new.model_version,
        deployed_at=new.deployed_at,
        reference_data_uri=new.reference_data_uri,
        note=new.note,
        reported_by=by,
        baselines=dict(baselines),
    )


def _move_on(
    request: RetrainingRequest,
    new: NewModel,
    limits: dict[str, dict[str, Any]],
    baselines: Mapping[str, Mapping[str, Any]],
    by: str,
) -> None:
    """The request waits for windows of the new model; a newer deployment begins that anew.

    The limits are those from before the first deployment: those of a new model say nothing about it.
    """
    rule, now = rule_for(new.model_id), timezone.now()
    is_first = request.status == State.REQUESTED
    move_request(request, State.DEPLOYED)
    request.trained_from, request.trained_to = new.trained_from, new.trained_to
    request.model_version, request.deployed_at = new.model_version, new.deployed_at
    request.deployment_reported_at, request.verifying_since = now, None
    request.new_baselines = {name: each["version"] for name, each in baselines.items()}
    request.old_limits = limits if is_first else request.old_limits
    request.windows_needed, request.verified_runs = rule.verify_windows, []
    request.expires_at = now + rule.verify_within
    words = f"{_named(new)} was deployed."
    if not request.old_limits:
        move_request(request, State.UNVERIFIED, NO_LIMITS)
        words = f"{words} {NO_LIMITS}"
    request.save()
    note_on_alert(request, words, actor=by)


def _named(new: NewModel) -> str:
    return f"Version {new.model_version}" if new.model_version else "A new model"
