"""Asks for reviews of a monitor's health, where something fails that no run tells of.

A failed baseline, a run that its workers gave up and a skipped tick end in transactions of their own, some
of them by the scheduler's role, which may not write alerts. They leave a row here, in the same transaction;
the reconciler has a worker look at each monitor that has one.
"""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from monitors.models import HealthReview

PATIENCE = timedelta(minutes=1)
MOST_AT_ONCE = 1000


def request_reviews(monitors: Iterable[tuple[UUID, UUID]]) -> None:
    """Ask for a review of each monitor, in the caller's transaction; a second request joins the first.

    Args:
        monitors: Tenants and ids of monitors. They are written in the order of the ids, so that two
            transactions do not wait for each other.
    """
    wanted = sorted(set(monitors), key=lambda each: each[1])
    reviews = [HealthReview(tenant_id=tenant, monitor_id=monitor) for tenant, monitor in wanted]
    HealthReview.objects.bulk_create(
        reviews,
        update_conflicts=True,
        unique_fields=["tenant", "monitor"],
        update_fields=["token", "enqueued_at"],
    )


def take_requested() -> list[tuple[UUID, UUID]]:
    """The tenants and ids of monitors whose review is due, marked as sent; needs the scheduler's role.

    One that was sent a minute ago and is still there is due again, because its message can be lost.
    """
    now = timezone.now()
    is_due = Q(enqueued_at__isnull=True) | Q(enqueued_at__lt=now - PATIENCE)
    due = HealthReview.objects.filter(is_due).order_by("created_at")
    rows = list(due.values_list("id", "tenant_id", "monitor_id")[:MOST_AT_ONCE])
    HealthReview.objects.filter(id__in=[row[0] for row in rows]).update(enqueued_at=now)
    return [(tenant_id, monitor_id) for _, tenant_id, monitor_id in rows]


def token_of(monitor_id: UUID) -> UUID | None:
    """The token of the newest request, read before the review begins; None without one."""
    reviews = HealthReview.objects.filter(monitor_id=monitor_id)
    return reviews.values_list("token", flat=True).first()


def finish_review(monitor_id: UUID, token: UUID) -> None:
    """Take a request away, unless a newer failure has renewed it."""
    HealthReview.objects.filter(monitor_id=monitor_id, token=token).delete()
