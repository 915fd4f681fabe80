"""Opens, updates and resolves the health alert of a monitor, which is locked, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from alerts.episodes.announcements import announce_raised, announce_resolved
from alerts.episodes.events import Circumstances, move
from alerts.episodes.kept_runs import ends_of, keep_runs
from alerts.episodes.phases import Move
from alerts.health.health_causes import Cause, worst_first
from alerts.models import Alert, AlertEvent, AlertRun
from algorithms.verdicts import rank
from detections.models import DetectionRun
from monitors.models import Monitor

SEEN = "seen"
"""In the state of a health alert: the newest key of each source."""


def get_open_alert(monitor_id: UUID) -> Alert | None:
    """The monitor's health alert that is not resolved, locked."""
    unresolved = _of_monitor(monitor_id).exclude(phase=Alert.Phase.RESOLVED)
    return unresolved.select_for_update(no_key=True).first()


def has_open_alert(monitor_id: UUID) -> bool:
    """True if the monitor has a health alert that is not resolved."""
    return _of_monitor(monitor_id).exclude(phase=Alert.Phase.RESOLVED).exists()


def get_newest_alert(monitor_id: UUID) -> Alert | None:
    """The monitor's newest health alert, in whatever phase."""
    return _of_monitor(monitor_id).order_by("-created_at", "-id").first()


def seen_of(alert: Alert | None) -> Mapping[str, Any]:
    """The newest key of each source that an alert has named."""
    seen: Mapping[str, Any] = {} if alert is None else alert.state.get(SEEN, {})
    return seen


def record_causes(monitor: Monitor, causes: Sequence[Cause], *, run: DetectionRun | None) -> None:
    """Bring the monitor's health alert up to date with the causes of now.

    Causes that a resolved alert has named open no new one: a person or a judged run has ended it.

    Args:
        monitor: Locked.
        causes: All that is wrong; none resolves the alert.
        run: The run that has just ended, if one has.
    """
    alert, ordered = get_open_alert(monitor.id), worst_first(causes)
    if alert is not None and ordered:
        _update(alert, ordered)
    elif alert is not None:
        _resolve(alert, run)
    elif ordered:
        _open_if_new(monitor, ordered)


def _of_monitor(monitor_id: UUID) -> QuerySet[Alert]:
    return Alert.objects.filter(monitor_id=monitor_id, kind=Alert.Kind.HEALTH)


def _open_if_new(monitor: Monitor, causes: Sequence[Cause]) -> None:
    previous = get_newest_alert(monitor.id)
    if _new(causes, seen_of(previous)):
        _open(monitor, causes, previous)


def _new(causes: Sequence[Cause], seen: Mapping[str, Any]) -> list[Cause]:
    return [cause for cause in causes if seen.get(cause.source) != cause.key]


def _open(monitor: Monitor, causes: Sequence[Cause], previous: Alert | None) -> None:
    alert = Alert(
        tenant_id=monitor.tenant_id,
        monitor=monitor,
        kind=Alert.Kind.HEALTH,
        previous=previous,
        occurrences=1,
        severity=causes[0].severity,
        peak_severity=causes[0].severity,
    )
    _describe(alert, causes)
    _add_runs(alert, causes)
    event = move(alert, Move.OPENED, _circumstances(causes))
    alert.save()
    keep_runs(alert, ())
    _write_runs(alert, causes)
    announce_raised(alert, event)


def _update(alert: Alert, causes: Sequence[Cause]) -> None:
    """Tell of new causes; people are notified again only if it has become worse than they know."""
    new, before = _new(causes, seen_of(alert)), ends_of(alert)
    alert.severity = causes[0].severity
    alert.peak_severity = max(alert.peak_severity, alert.severity, key=rank)
    alert.occurrences += bool(new)
    _describe(alert, causes)
    _add_runs(alert, new)
    event = _worsened(alert, causes)
    alert.save()
    keep_runs(alert, before)
    _write_runs(alert, new)
    if event is not None:
        announce_raised(alert, event)


def _worsened(alert: Alert, causes: Sequence[Cause]) -> AlertEvent | None:
    if rank(alert.severity) <= rank(alert.announced_severity):
        return None
    return move(alert, Move.WORSENED, _circumstances(causes))


def _resolve(alert: Alert, run: DetectionRun | None) -> None:
    reason = "A run judged its window." if run else "What was wrong is over."
    said = Circumstances(run=run, reason=reason, notifies=True)
    event = move(alert, Move.RESOLVED, said)
    alert.save()
    announce_resolved(alert, event)


def _describe(alert: Alert, causes: Sequence[Cause]) -> None:
    """Set the words for the causes, the worst first, and remember their keys."""
    sentences = " ".join(cause.sentence for cause in causes)
    alert.summary = f"{alert.monitor.name}: {sentences}"
    alert.cause = {"causes": [cause.kind.value for cause in causes]}
    keys = {cause.source: cause.key for cause in causes}
    alert.state = alert.state | {SEEN: {**seen_of(alert), **keys}}


def _circumstances(causes: Sequence[Cause]) -> Circumstances:
    runs = [cause.run for cause in causes if cause.run is not None]
    sentences = " ".join(cause.sentence for cause in causes)
    return Circumstances(run=next(iter(runs), None), reason=sentences, notifies=True)


def _add_runs(alert: Alert, causes: Sequence[Cause]) -> None:
    """Let the alert refer to its first run and its last."""
    for run in _runs(causes):
        alert.window_start = min(alert.window_start or run.window_start, run.window_start)
        alert.window_end = max(alert.window_end or run.window_end, run.window_end)
        alert.first_run, alert.last_run = alert.first_run or run, run


def _write_runs(alert: Alert, causes: Sequence[Cause]) -> None:
    rows = [_row(alert, cause, cause.run) for cause in causes if cause.run is not None]
    AlertRun.objects.bulk_create(rows, ignore_conflicts=True)


def _row(alert: Alert, cause: Cause, run: DetectionRun) -> AlertRun:
    return AlertRun(
        tenant_id=alert.tenant_id,
        alert=alert,
        run=run,
        track=cause.source,
        window_start=run.window_start,
        window_end=run.window_end,
        verdict=run.verdict,
        severity=cause.severity,
    )


def _runs(causes: Sequence[Cause]) -> list[DetectionRun]:
    runs = [cause.run for cause in causes if cause.run is not None]
    return sorted(runs, key=lambda run: run.window_end)
