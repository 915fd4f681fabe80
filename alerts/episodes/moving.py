"""Opens, worsens and resolves episodes of drift, in the transaction of the run."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

import structlog
from django.utils import timezone

from alerts.episodes.drift_entries import DriftEntry, is_all_over, is_already_over, merge_entries
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
Phase, Attention = Alert.Phase, Alert.Attention


def raise_alert(run: DetectionRun, finding: RunFinding, kind: Alert.Kind) -> None:
    """Open or continue the monitor's episode and ask for retraining; the monitor is locked."""
    alert = unresolved_alert(run.monitor_id, kind)
    if alert is None:
        alert = _open_alert(run, finding, kind)
    else:
        _add_occurrence(alert, run, finding)
    if alert.phase != Phase.RESOLVED and finding.calls_for_retraining:
        require_retraining(run=run, alert=alert, summary=finding.summary)


def unresolved_alert(monitor_id: UUID, kind: Alert.Kind) -> Alert | None:
    """The monitor's unresolved alert of a kind, locked.

    Without the lock, an acknowledgement at the same time would be overwritten.
    """
    unresolved = Alert.objects.select_for_update().exclude(phase=Phase.RESOLVED)
    return unresolved.filter(monitor_id=monitor_id, kind=kind).first()


def end_if_over(run: DetectionRun, finding: RunFinding) -> None:
    """Resolve the episode if a run that is ok judged all that drifted, in a window that is not older.

    Inline rows say nothing about the monitor's data, so they end nothing.
    """
    alert = unresolved_alert(run.monitor_id, Alert.Kind.STATISTICAL)
    if alert is None or _is_inline(run):
        return
    if is_all_over(alert, run, finding.methods):
        _resolve(alert, run)


def _is_inline(run: DetectionRun) -> bool:
    return DetectionRun.objects.filter(id=run.id, inline_data__isnull=False).exists()


def end_if_recovered(run: DetectionRun, change: ErrorRateChange) -> None:
    """Resolve the concept episode if a stream's error rate is as low as before the first rise."""
    alert = unresolved_alert(run.monitor_id, Alert.Kind.CONCEPT)
    if alert is None:
        return
    first = Detection.objects.filter(run_id=alert.first_run_id).first()
    if first is not None and _is_recovered(first.details[0]["explanation"], change):
        _resolve(alert, run)


def _is_recovered(first_rise: Mapping[str, Any], change: ErrorRateChange) -> bool:
    """True if the stream of the first rise has the error rate that it had before."""
    if first_rise["stream"] != change.stream:
        return False
    usual: float = first_rise["error_rate_before"]
    return change.current <= usual or not is_large_change(usual, change.current)


def _resolve(alert: Alert, run: DetectionRun) -> None:
    alert.phase, alert.resolved_at = Phase.RESOLVED, timezone.now()
    alert.save(update_fields=["phase", "resolved_at", "updated_at"])
    log.info("alert_resolved", alert_id=str(alert.id), run_id=str(run.id))


def _open_alert(run: DetectionRun, finding: RunFinding, kind: Alert.Kind) -> Alert:
    """Open an alert; runs can end out of order, so drift that is over already is resolved at once."""
    entries = DriftEntry.of_run(run, finding.drifted_features)
    is_over = kind == Alert.Kind.STATISTICAL and is_already_over(run, entries)
    alert = _new_alert(run, entries)
    alert.kind, alert.severity = kind, finding.severity
    alert.peak_severity = alert.announced_severity = finding.severity
    alert.phase = Phase.RESOLVED if is_over else Phase.OPEN
    alert.opened_at = timezone.now()
    alert.resolved_at = timezone.now() if is_over else None
    alert.save(force_insert=True)
    mark_kept([run.id])
    _announce(alert, run, finding)
    return alert


def _new_alert(run: DetectionRun, entries: Sequence[DriftEntry]) -> Alert:
    """An alert of the run, not written yet."""
    return Alert(
        tenant_id=run.tenant_id,
        monitor_id=run.monitor_id,
        first_run=run,
        last_run=run,
        summary=_sentence(run, entries),
        drifted_features=[entry.record for entry in entries],
        window_start=run.window_start,
        window_end=run.window_end,
    )


def _add_occurrence(alert: Alert, run: DetectionRun, finding: RunFinding) -> None:
    """Add a drifted run; people are notified again only if the severity rose."""
    alert.occurrences += 1
    alert.window_start = min(alert.window_start, run.window_start)
    _merge(alert, run, finding)
    if run.window_end > alert.window_end:
        _move_last_run(alert, run)
    is_worse = _rank(finding.severity) > _rank(Severity(alert.severity))
    if is_worse:
        _reopen(alert, finding.severity)
    alert.save()
    if is_worse:
        _announce(alert, run, finding)


def _reopen(alert: Alert, severity: Severity) -> None:
    alert.severity, alert.attention = severity, Attention.NEW
    alert.peak_severity = alert.announced_severity = severity
    alert.acknowledged_at, alert.acknowledged_by, alert.note = None, "", ""


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
    return f"{run.monitor.name}: drift in {_named(names)}"


def _named(names: list[str]) -> str:
    named = ", ".join(names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{named} and {more} more" if more > 0 else named
