"""Finds and claims the notifications that are due, in the order of each alert and channel."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from alerts.models import Notification
from drift_detector.lease import Lease, claim_row, is_unleased
from drift_detector.tenancy.scope import tenant_scope

Status = Notification.Status
MOST_CHANNELS = 500


@dataclass(frozen=True, slots=True)
class DueChannel:
    """A channel that has something to say now."""

    tenant_id: UUID
    channel_id: UUID
    since: datetime


def due_channels() -> list[DueChannel]:
    """The channels with something due, of all tenants; one row each, so that no channel hides another."""
    rows = due_notifications().order_by("channel_id", "due_at").distinct("channel_id")
    found = rows.values_list("tenant_id", "channel_id", "due_at")[:MOST_CHANNELS]
    return [DueChannel(*row) for row in found]


def due_notifications() -> QuerySet[Notification]:
    """The notifications that can be sent now.

    A notification waits for the earlier ones of its alert and channel, as long as those wait
    themselves: for another try, or for a sender that has them.
    """
    now = timezone.now()
    earlier = Notification.objects.filter(
        Q(attempt__gt=0) | Q(due_at__lte=now),
        alert_id=OuterRef("alert_id"),
        channel_id=OuterRef("channel_id"),
        status=Status.PENDING,
        created_at__lt=OuterRef("created_at"),
    )
    due = Notification.objects.filter(is_unleased(), status=Status.PENDING, due_at__lte=now)
    # One look into an index for each row. PostgreSQL would join a NOT EXISTS, and compare all with all while its
    # statistics are those of a shorter queue.
    first = earlier.order_by("created_at").values("id")[:1]
    return due.alias(earlier=Subquery(first)).filter(earlier__isnull=True)


def claim_next(tenant_id: UUID, channel_id: UUID, *, worker: str) -> Lease | None:
    """Claim the oldest notification that a channel has to say now; None if there is none."""
    with tenant_scope(tenant_id):
        due = due_notifications().filter(channel_id=channel_id)
        row_id = due.order_by("due_at", "created_at").values_list("id", flat=True).first()
        if row_id is None:
            return None
        unleased = Notification.objects.filter(is_unleased(), status=Status.PENDING)
        return claim_row(unleased, row_id, tenant_id=tenant_id, worker=worker, takes_slot=False)


def retry_now(tenant_id: UUID, channel_id: UUID) -> int:
    """Make due what a channel did not take before; returns the number. The rests between tries may be an hour."""
    now = timezone.now()
    with tenant_scope(tenant_id):
        waiting = Notification.objects.filter(is_unleased(), status=Status.PENDING)
        return waiting.filter(channel_id=channel_id, attempt__gt=0, due_at__gt=now).update(
            due_at=now
        )
