"""Keeps the first and last runs of alerts beyond their retention."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from alerts.models import Alert
from detections.ledger.runs import mark_kept


def ends_of(alert: Alert) -> set[UUID]:
    """The runs that an alert refers to."""
    return {run_id for run_id in (alert.first_run_id, alert.last_run_id) if run_id is not None}


def keep_runs(alert: Alert, before: Collection[UUID]) -> None:
    """Keep the runs that a stored alert refers to now; what it referred to before, no longer."""
    now = ends_of(alert)
    mark_kept(now - set(before))
    release_runs(set(before) - now)


def release_runs(run_ids: Collection[UUID]) -> None:
    """Keep runs no longer, except those that an alert refers to: one run can be part of two alerts."""
    if not run_ids:
        return
    referring = Alert.objects.filter(Q(first_run_id__in=run_ids) | Q(last_run_id__in=run_ids))
    # In no order: the reconciler's role may read no other column.
    pairs = referring.order_by().values_list("first_run_id", "last_run_id")
    kept = {run_id for pair in pairs for run_id in pair}
    mark_kept(set(run_ids) - kept, is_kept=False)
