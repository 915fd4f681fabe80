"""Moving alerts through their states."""

from uuid import UUID, uuid5

import structlog
from django.db.models import Case, F, Value, When
from django.utils import timezone

from alerts.models import Alert
from alerts.retraining import require_retraining
from algorithms.outcomes import MethodOutcome
from algorithms.verdicts import Severity, Verdict
from detections.ledger import Claim
from detections.models import DetectionRun
from detections.outcomes import Outcome
from detections.services import drift_summary, drifted_features, record_outcome, severity_of_run
from drift_detector.events.services import EventType, emit
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor

log = structlog.get_logger(__name__)

Status = Alert.Status


class NotAcknowledgeable(Exception):
    """The alert has been acknowledged before."""


def settle_run(claim: Claim, outcome: Outcome) -> bool:
    """Commit a run: its detections, what they do to the monitor's alert, and the events, in one transaction.

    Returns:
        False when another worker owns the run by now; then nothing is written.
    """
    with tenant_scope(claim.tenant_id):
        # Two runs of one monitor may end at once; the monitor's row, locked first, lets them through one at a time.
        Monitor.objects.select_for_update().only("id").filter(id=claim.monitor_id).first()
        run = record_outcome(claim, outcome)
        if run is None:
            return False
        if outcome.verdict is Verdict.DRIFT:
            raise_alert(run, outcome.methods, Alert.Kind.STATISTICAL)
        elif outcome.verdict is Verdict.OK:
            _resolve_alert(run, outcome.methods)
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
    changed = unseen.update(status=status, acknowledged_at=now, acknowledged_by=by, note=note, updated_at=now)
    alert = Alert.objects.select_related("monitor").get(id=alert_id)
    if not changed:
        raise NotAcknowledgeable(
            f"{alert.acknowledged_by} has acknowledged it at {alert.acknowledged_at:%Y-%m-%d %H:%M} UTC."
        )
    log.info("alert_acknowledged", alert_id=str(alert_id), by=by)
    return alert


def raise_alert(
    run: DetectionRun, methods: tuple[MethodOutcome, ...], kind: Alert.Kind = Alert.Kind.STATISTICAL
) -> None:
    """Tell people of a drifted run and ask for retraining, in the caller's transaction; the monitor is locked."""
    alert = unresolved_alert(run.monitor_id, kind)
    if alert is None:
        alert = _open_alert(run, methods, kind)
    else:
        _add_occurrence(alert, run, methods)
    if alert.status != Status.RESOLVED:
        require_retraining(run=run, alert=alert, summary=drift_summary(run, methods))


def unresolved_alert(monitor_id: UUID, kind: Alert.Kind) -> Alert | None:
    """The monitor's episode of this kind, locked, or an acknowledgement that comes now would be overwritten."""
    unresolved = Alert.objects.select_for_update().exclude(status=Status.RESOLVED)
    return unresolved.filter(monitor_id=monitor_id, kind=kind).first()


def resolve_alert(alert: Alert, run: DetectionRun) -> None:
    """End an episode."""
    alert.status, alert.resolved_at = Status.RESOLVED, timezone.now()
    alert.save(update_fields=["status", "resolved_at", "updated_at"])
    log.info("alert_resolved", alert_id=str(alert.id), run_id=str(run.id))


def _open_alert(run: DetectionRun, methods: tuple[MethodOutcome, ...], kind: Alert.Kind) -> Alert:
    """Runs may end out of order: drift that a newer run has already found to be over is told, but not left open."""
    newer = DetectionRun.objects.filter(monitor_id=run.monitor_id, window_end__gt=run.window_end)
    judged = newer.exclude(trigger=DetectionRun.Trigger.OUTCOMES).filter(verdict=Verdict.OK)
    is_over = kind == Alert.Kind.STATISTICAL and judged.exists()
    alert = Alert.objects.create(
        tenant_id=run.tenant_id,
        monitor_id=run.monitor_id,
        kind=kind,
        status=Status.RESOLVED if is_over else Status.OPEN,
        resolved_at=timezone.now() if is_over else None,
        first_run=run,
        last_run=run,
        severity=severity_of_run(methods),
        summary=_sentence(run, methods),
        drifted_features=drifted_features(methods),
        window_start=run.window_start,
        window_end=run.window_end,
    )
    _tell(alert, run, methods)
    return alert


def _add_occurrence(alert: Alert, run: DetectionRun, methods: tuple[MethodOutcome, ...]) -> None:
    """People are told again only when it got worse; then the alert waits to be acknowledged again."""
    severity = severity_of_run(methods)
    is_worse = list(Severity).index(severity) > list(Severity).index(Severity(alert.severity))
    alert.occurrences += 1
    alert.window_start = min(alert.window_start, run.window_start)
    if run.window_end > alert.window_end:
        alert.last_run, alert.window_end = run, run.window_end
        alert.summary, alert.drifted_features = _sentence(run, methods), drifted_features(methods)
    if is_worse:
        alert.severity, alert.status = severity, Status.OPEN
        alert.acknowledged_at, alert.acknowledged_by, alert.note = None, "", ""
    alert.save()
    if is_worse:
        _tell(alert, run, methods)


def _resolve_alert(run: DetectionRun, methods: tuple[MethodOutcome, ...]) -> None:
    """A run that is ok ends the episode, unless its window is older than the drift or it did not judge what drifted.

    Rows that were sent with a request say nothing about the monitor's data.
    """
    alert = unresolved_alert(run.monitor_id, Alert.Kind.STATISTICAL)
    if alert is None or alert.window_end > run.window_end:
        return
    unjudged = {detail.feature for method in methods for detail in method.details if detail.verdict is not Verdict.OK}
    is_inline = DetectionRun.objects.filter(id=run.id, inline_data__isnull=False).exists()
    if is_inline or unjudged & {each["feature"] for each in alert.drifted_features}:
        return
    resolve_alert(alert, run)


def _tell(alert: Alert, run: DetectionRun, methods: tuple[MethodOutcome, ...]) -> None:
    data = drift_summary(run, methods) | {"alert_id": str(alert.id), "summary": alert.summary}
    emit(EventType.ALERT_RAISED, cause=uuid5(alert.id, alert.severity), key=run.monitor_id, data=data)
    log.info("alert_raised", alert_id=str(alert.id), severity=alert.severity, summary=alert.summary)


def _sentence(run: DetectionRun, methods: tuple[MethodOutcome, ...]) -> str:
    names = [each["feature"] for each in drifted_features(methods)]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{run.monitor.name}: drift in {shown}"
