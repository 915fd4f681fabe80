"""Purges alerts that are older than their retention."""

from datetime import datetime

from django.conf import settings

from alerts.episodes.kept_runs import release_runs
from drift_detector.retention import purge, remove_oldest


def purge_old_alerts(until: float) -> int:
    """Remove alerts that were resolved before their retention; needs the scheduler's role.

    The runs of a removed alert are no longer kept: they go when their own retention is over.
    """
    return purge(_remove_alerts, days=settings.ENV.alerts.retention_days, until=until)


def _remove_alerts(before: datetime) -> int | None:
    returning = "first_run_id, last_run_id"
    removed = remove_oldest("drf_alerts", before, since="resolved_at", returning=returning)
    release_runs({run_id for row in removed for run_id in row if run_id is not None})
    return len(removed) or None
