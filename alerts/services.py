"""What a run's end, or a person, does to alerts."""

from uuid import UUID

import structlog
from django.db.models import Case, F, Value, When
from django.utils import timezone

from alerts.episodes import end_if_over, raise_alert
from alerts.models import Alert
from algorithms.verdicts import Verdict
from detections.ledger.runs import Claim
from detections.outcomes.ingest import lock_stream
from detections.outcomes.services import accept_new_rows
from detections.outcomes.source_data import SOURCE_STREAM
from detections.results import RunResult
from detections.runs.completion import record_outcome
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor

log = structlog.get_logger(__name__)

Status = Alert.Status


class NotAcknowledgeable(Exception):
    """The alert has been acknowledged before."""


def complete_run(claim: Claim, outcome: RunResult) -> bool:
    """Commit a run: its detections, what they do to the monitor's alert, and the events, in one transaction.

    Returns:
        False when another worker owns the run by now; then nothing is written.
    """
    with tenant_scope(claim.tenant_id):
        stream = (
            lock_stream(claim.monitor_id, SOURCE_STREAM)
            if outcome.new_outcomes is not None
            else None
        )
        # Two runs of one monitor may end at once; the monitor's row, locked first, lets them through one at a time.
        Monitor.objects.select_for_update(no_key=True).only("id").filter(
            id=claim.monitor_id
        ).first()
        run = record_outcome(claim, outcome)
        if run is None:
            return False
        if outcome.verdict is Verdict.DRIFT:
            raise_alert(run, outcome.methods, Alert.Kind.STATISTICAL)
        elif outcome.verdict is Verdict.OK:
            end_if_over(run, outcome.methods)
        if outcome.new_outcomes is not None and stream is not None:
            accept_new_rows(run, stream, outcome.new_outcomes)
        return True


def acknowledge(*, alert_id: UUID, by: str, note: str = "") -> Alert:
    """Note that a person has seen an alert; resolved alerts can be acknowledged too.

    Raises:
        Alert.DoesNotExist: If the tenant has no such alert.
        NotAcknowledgeable: If somebody was faster; nothing is changed.
    """
    now = timezone.now()
    unseen = Alert.objects.filter(id=alert_id, acknowledged_at__isnull=True)
    # One statement: a second one would check the row's foreign keys, and deadlock with a run that settles.
    status = Case(When(status=Status.OPEN, then=Value(Status.ACKNOWLEDGED)), default=F("status"))
    changed = unseen.update(
        status=status, acknowledged_at=now, acknowledged_by=by, note=note, updated_at=now
    )
    alert = Alert.objects.select_related("monitor").get(id=alert_id)
    if not changed:
        raise NotAcknowledgeable(
            f"{alert.acknowledged_by} has acknowledged it at {alert.acknowledged_at:%Y-%m-%d %H:%M} UTC."
        )
    log.info("alert_acknowledged", alert_id=str(alert_id), by=by)
    return alert
