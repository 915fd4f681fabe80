"""Moves retraining requests from state to state, with the times that the states have."""

from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from alerts.episodes.events import Circumstances, remark
from alerts.models import Alert, AlertEvent, RetrainingRequest
from alerts.models.retraining_states import OPEN_STATES, State, next_state
from alerts.retraining.requests import lock_model
from detections.models import DetectionRun

log = structlog.get_logger(__name__)

NO_DEPLOYMENT = "No deployment was reported in time."
NOT_VERIFIED = (
    "Too few windows with labels or scores came in time to say if the new model is better."
)


class NotReleasable(Exception):
    """The request keeps its model from nothing; the message says why."""


def move_request(request: RetrainingRequest, to: State, conclusion: str = "") -> None:
    """Change the state of a locked request in memory; the caller saves it.

    Raises:
        IllegalState: If its state does not permit it; nothing is changed.
    """
    request.status = next_state(request.status, to)
    now = timezone.now()
    if to is State.VERIFYING:
        request.verifying_since = now
    if request.status not in OPEN_STATES:
        request.finished_at = now
        request.conclusion = conclusion
    log.info(f"retraining_{to}", model_id=str(request.model_id), retraining_id=str(request.id))


def get_open_request(model_id: UUID) -> RetrainingRequest | None:
    """The open request of a model, locked; the model is locked before."""
    requests = RetrainingRequest.objects.select_for_update(no_key=True)
    return requests.filter(model_id=model_id, status__in=OPEN_STATES).first()


def note_on_alert(
    request: RetrainingRequest,
    reason: str,
    *,
    actor: str = "",
    run: DetectionRun | None = None,
    **details: Any,
) -> None:
    """Write into the timeline of the alert that asked for retraining, if it is still there."""
    alerts = Alert.objects.select_for_update(no_key=True)
    alert = alerts.filter(id__in=[request.alert_id]).first()
    if alert is None:
        return
    circumstances = Circumstances(
        actor=actor,
        run=run,
        reason=reason,
        details={"request_id": str(request.id), **details},
    )
    remark(alert, AlertEvent.Kind.RETRAINING, circumstances)


def release_request(*, request_id: UUID, by: str) -> RetrainingRequest:
    """Allow further requests for a model after an ineffective one.

    Raises:
        RetrainingRequest.DoesNotExist: If the tenant has no such request.
        NotReleasable: If it is not ineffective, or was released before.
    """
    request = RetrainingRequest.objects.get(id=request_id)
    lock_model(request.model_id)
    request.refresh_from_db()
    if request.status != State.INEFFECTIVE:
        raise NotReleasable(f"Only an ineffective request can be released; it is {request.status}.")
    if request.released_at is not None:
        raise NotReleasable(f"Already released by {request.released_by}.")
    request.released_at, request.released_by = timezone.now(), by
    request.save(update_fields=["released_at", "released_by", "updated_at"])
    note_on_alert(request, "Further retraining of the model is allowed.", actor=by)
    return request


def release_all(model_id: UUID, *, by: str) -> None:
    """Allow further requests, as a new deployment came; the model is locked."""
    blocking = RetrainingRequest.objects.filter(
        model_id=model_id, status=State.INEFFECTIVE, released_at__isnull=True
    )
    blocking.update(released_at=timezone.now(), released_by=by, updated_at=timezone.now())


def end_overdue_requests() -> int:
    """End open requests whose time is over; needs the scheduler's role.

    Returns:
        The number of requests that ended.
    """
    ended = 0
    for states, to, conclusion in (
        ([State.REQUESTED], State.EXPIRED, NO_DEPLOYMENT),
        ([State.DEPLOYED, State.VERIFYING], State.UNVERIFIED, NOT_VERIFIED),
    ):
        for state in states:
            ended += _end_overdue(state, next_state(state, to), conclusion)
    return ended


def _end_overdue(state: State, to: State, conclusion: str) -> int:
    """End those of one state in one statement, so that a run that decides at the same time wins or loses whole."""
    now = timezone.now()
    overdue = RetrainingRequest.objects.filter(status=state, expires_at__lte=now)
    return overdue.order_by().update(
        status=to, conclusion=conclusion, finished_at=now, updated_at=now
    )
