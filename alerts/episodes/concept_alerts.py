"""Moves the concept alert of a monitor when a detector sees that a stream's error rate has changed.

A detector advances under the lock of its stream, so its changes come in their order. A rise that
matters opens the alert at once; a fall to the rate before the first rise resolves it at once.
"""

from collections.abc import Mapping
from typing import Any

from alerts.episodes.announcements import announce
from alerts.episodes.data_bugs import keep_bad_window
from alerts.episodes.episode_alerts import last_alert
from alerts.episodes.events import Circumstances, move, remark
from alerts.episodes.folding import EpisodeState
from alerts.episodes.kept_runs import ends_of, keep_runs
from alerts.episodes.phases import Move, Phase
from alerts.episodes.standings import GOING_ON
from alerts.episodes.summaries import reason_of
from alerts.episodes.transitions import NOTIFYING, moves_between
from alerts.models import Alert, AlertEvent, AlertRun
from alerts.retraining import require_retraining
from algorithms.verdicts import Verdict, rank
from detections.findings import ErrorRateChange, RunFinding
from detections.models import Detection, DetectionRun
from detections.outcomes.signals import is_large_change
from drift_detector.public_pages import page_of_alert

TRACK = "outcomes"


def record_change(run: DetectionRun, finding: RunFinding) -> None:
    """Raise or resolve the concept alert; the monitor is locked."""
    change = finding.change
    if change is None or finding.verdict is not Verdict.DRIFT or not run.raises_alerts:
        return
    alert = _current(run)
    if change.is_rise:
        _raise(alert, run, finding)
    elif alert is not None and _is_over(alert, run, change):
        _resolve(alert, run, finding)


def _current(run: DetectionRun) -> Alert | None:
    alerts = Alert.objects.filter(monitor_id=run.monitor_id, kind=Alert.Kind.CONCEPT)
    return alerts.filter(phase__in=GOING_ON).select_for_update().first()


def _raise(alert: Alert | None, run: DetectionRun, finding: RunFinding) -> None:
    if alert is not None and _is_late(alert, run):
        _add_late(alert, run, finding)
        return
    before = ends_of(alert) if alert is not None else set()
    alert = _new_alert(run) if alert is None else alert
    _add(alert, run, finding)
    _move(alert, run, finding)
    _write_row(alert, run, finding)
    alert.save()
    keep_bad_window(alert)
    keep_runs(alert, before)
    if finding.calls_for_retraining:
        summary = finding.summary | page_of_alert(alert.id)
        require_retraining(run=run, alert=alert, summary=summary)


def _is_late(alert: Alert, run: DetectionRun) -> bool:
    return alert.window_end is not None and run.window_end < alert.window_end


def _add_late(alert: Alert, run: DetectionRun, finding: RunFinding) -> None:
    """Count a rise from before the newest one; people are not notified."""
    alert.occurrences += 1
    alert.peak_severity = max(alert.peak_severity, finding.severity, key=rank)
    _write_row(alert, run, finding, is_late=True)
    reason = "A rise from before the newest one was seen late."
    remark(alert, AlertEvent.Kind.LATE_RUN, Circumstances(run=run, reason=reason))
    alert.save()


def _new_alert(run: DetectionRun) -> Alert:
    alert = Alert(
        tenant_id=run.tenant_id,
        monitor=run.monitor,
        kind=Alert.Kind.CONCEPT,
        first_run=run,
        occurrences=0,
        window_start=run.window_start,
    )
    alert.previous = last_alert(alert)
    return alert


def _add(alert: Alert, run: DetectionRun, finding: RunFinding) -> None:
    severity = finding.severity.value
    alert.occurrences += 1
    alert.severity = severity
    alert.peak_severity = max(alert.peak_severity, severity, key=rank)
    alert.last_run, alert.window_end = run, run.window_end
    if alert.window_start is None or run.window_start < alert.window_start:
        alert.window_start = run.window_start
    end = run.window_end.isoformat()
    alert.drifted_features = [each | {"window_end": end} for each in finding.drifted_features]
    alert.summary = f"{run.monitor.name}: {run.reason}"


def _move(alert: Alert, run: DetectionRun, finding: RunFinding) -> None:
    phase = "" if alert._state.adding else alert.phase
    state = EpisodeState(phase=Phase.OPEN, severity=alert.severity)
    for each in moves_between(phase, state, alert.announced_severity):
        _make_move(alert, each, run, finding)


def _make_move(alert: Alert, each: Move, run: DetectionRun, finding: RunFinding) -> None:
    said = Circumstances(run=run, reason=reason_of(each, alert), notifies=each in NOTIFYING)
    event = move(alert, each, said)
    if event.notifies:
        announce(alert, event, run=run, finding=finding)


def _is_over(alert: Alert, run: DetectionRun, change: ErrorRateChange) -> bool:
    """True if the stream of the first rise has the error rate that it had before."""
    first = Detection.objects.filter(run_id=alert.first_run_id).first()
    if first is None or _is_late(alert, run):
        return False
    return _is_recovered(first.details[0]["explanation"], change)


def _is_recovered(first_rise: Mapping[str, Any], change: ErrorRateChange) -> bool:
    if first_rise["stream"] != change.stream:
        return False
    usual: float = first_rise["error_rate_before"]
    return change.current <= usual or not is_large_change(usual, change.current)


def _resolve(alert: Alert, run: DetectionRun, finding: RunFinding) -> None:
    _make_move(alert, Move.RESOLVED, run, finding)
    _write_row(alert, run, finding, verdict=Verdict.OK)
    alert.save()


def _write_row(
    alert: Alert,
    run: DetectionRun,
    finding: RunFinding,
    *,
    verdict: Verdict = Verdict.DRIFT,
    is_late: bool = False,
) -> None:
    AlertRun.objects.create(
        tenant_id=alert.tenant_id,
        alert=alert,
        run=run,
        track=TRACK,
        window_start=run.window_start,
        window_end=run.window_end,
        verdict=verdict.value,
        severity=finding.severity.value if verdict is Verdict.DRIFT else "",
        is_late=is_late,
    )
