"""Opens, worsens and resolves episodes of drift, in the transaction of the run."""

from collections.abc import Sequence
from uuid import UUID, uuid5

import structlog
from django.utils import timezone

from alerts.drift_entries import DriftEntry, is_all_over, is_already_over, merge_entries
from alerts.models import Alert
from alerts.retraining import require_retraining
from algorithms.verdicts import Severity
from detections.findings import ErrorRateChange, RunFinding
from detections.ledger.runs import mark_kept
from detections.models import Detection, DetectionRun
from detections.outcomes.signals import is_large_change
from drift_detector.events.services import EventType, emit

log = structlog.get_logger(__name__)

MOST_NAMES = 3
SEVERITIES_IN_ORDER = list(Severity)
Status = Alert.Status


def raise_alert(run: DetectionRun, finding: RunFinding, kind: Alert.Kind) -> None:
    """Open or continue the monitor's episode and ask for retraining; the monitor is locked."""
    alert = unresolved_alert(run.monitor_id, kind)
    if alert is None:
        alert = _open_alert(run, finding, kind)
    else:
        _add_occurrence(alert, run, finding)
    if alert.status != Status.RESOLVED:
        require_retraining(run=run, alert=alert, summary=finding.summary)


def unresolved_alert(monitor_id: UUID, kind: Alert.Kind) -> Alert | None:
    """The monitor's unresolved alert of a kind, locked.

    Without the lock, an acknowledgement at the same time would be overwritten.
    """
    unresolved = Alert.objects.select_for_update().exclude(status=Status.RESOLVED)
    return unresolved.filter(monitor_id=monitor_id, kind=kind).first()


def end_if_over(run: DetectionRun, finding: RunFinding) -> None:
    """Resolve the episode if a run that is ok judged all that drifted, in a window that is not older.

    Inline rows say nothing about the monitor's data, so they end nothing.
    """
    alert = unresolved_alert(run.monitor_id, Alert.Kind.STATISTICAL)
    if alert is None:
        return
    is_inline = DetectionRun.objects.filter(id=run.id, inline_data__isnull=False).exists()
    if not is_inline and is_all_over(alert, run, finding.methods):
        _resolve(alert, run)


def end_if_recovered(run: DetectionRun, change: ErrorRateChange) -> None:
    """Resolve the concept episode if a stream's error rate is as low as before the first rise."""
    alert = unresolved_alert(run.monitor_id, Alert.Kind.CONCEPT)
    if alert is None:
        return
    first = Detection.objects.filter(run_id=alert.first_run_id).first()
    if first is None:
        return
    explanation = first.details[0]["explanation"]
    if explanation["stream"] != change.stream:
        return
    usual: float = explanation["error_rate_before"]
    if change.current <= usual or not is_large_change(usual, change.current):
        _resolve(alert, run)


def _resolve(alert: Alert, run: DetectionRun) -> None:
    alert.status, alert.resolved_at = Status.RESOLVED, timezone.now()
    alert.save(update_fields=["status", "resolved_at", "updated_at"])
    log.info("alert_resolved", alert_id=str(alert.id), run_id=str(run.id))


def _open_alert(run: DetectionRun, finding: RunFinding, kind: Alert.Kind) -> Alert:
    """Open an alert; runs can end out of order, so drift that is over already is resolved at once."""
    entries = DriftEntry.of_run(run, finding.drifted_features)
    is_over = kind == Alert.Kind.STATISTICAL and is_already_over(run, entries)
    alert = Alert.objects.create(
        tenant_id=run.tenant_id,
        monitor_id=run.monitor_id,
        kind=kind,
        status=Status.RESOLVED if is_over else Status.OPEN,
        resolved_at=timezone.now() if is_over else None,
        first_run=run,
        last_run=run,
        severity=finding.severity,
        summary=_sentence(run, entries),
        drifted_features=[entry.record for entry in entries],
        window_start=run.window_start,
        window_end=run.window_end,
    )
    mark_kept([run.id])
    _announce(alert, run, finding)
    return alert


def _add_occurrence(alert: Alert, run: DetectionRun, finding: RunFinding) -> None:
    """Add a drifted run; people are notified again only if the severity rose."""
    alert.occurrences += 1
    alert.window_start = min(alert.window_start, run.window_start)
    _merge(alert, run, finding)
    if run.window_end > alert.window_end:
        _move_last_run(alert, run)
    is_worse = _rank(finding.severity) > _rank(Severity(alert.severity))
    if is_worse:
        alert.severity, alert.status = finding.severity, Status.OPEN
        alert.acknowledged_at, alert.acknowledged_by, alert.note = None, "", ""
    alert.save()
    if is_worse:
        _announce(alert, run, finding)


def _merge(alert: Alert, run: DetectionRun, finding: RunFinding) -> None:
    new = DriftEntry.of_run(run, finding.drifted_features)
    entries = merge_entries(alert, run, finding.methods, new)
    records = [entry.record for entry in entries]
    if records != alert.drifted_features:
        alert.summary, alert.drifted_features = _sentence(run, entries), records


def _move_last_run(alert: Alert, run: DetectionRun) -> None:
    if alert.last_run_id != alert.first_run_id:
        mark_kept([alert.last_run_id], is_kept=False)
    alert.last_run, alert.window_end = run, run.window_end
    mark_kept([run.id])


def _rank(severity: Severity) -> int:
    return SEVERITIES_IN_ORDER.index(severity)


def _announce(alert: Alert, run: DetectionRun, finding: RunFinding) -> None:
    data = finding.summary | {"alert_id": str(alert.id), "summary": alert.summary}
    cause = uuid5(alert.id, alert.severity)
    emit(EventType.ALERT_RAISED, cause=cause, key=run.monitor_id, data=data)
    log.info("alert_raised", alert_id=str(alert.id), severity=alert.severity, summary=alert.summary)


def _sentence(run: DetectionRun, entries: Sequence[DriftEntry]) -> str:
    if run.trigger == DetectionRun.Trigger.OUTCOMES:
        return f"{run.monitor.name}: {run.reason}"
    names = list(dict.fromkeys(entry.feature for entry in entries))
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{run.monitor.name}: drift in {', '.join(names[:MOST_NAMES])}{more}"
