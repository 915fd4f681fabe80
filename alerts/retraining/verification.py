"""Verifies a new model: the next windows are compared with the old baseline's limits, in each run's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from alerts.episodes.announcements import announce_raised, announce_resolved
from alerts.episodes.events import Circumstances, move
from alerts.episodes.kept_runs import keep_runs
from alerts.episodes.phases import Move
from alerts.models import Alert, RetrainingRequest
from alerts.models.retraining_states import State
from alerts.retraining.old_limits import keeps_to
from alerts.retraining.progress import get_open_request, move_request, note_on_alert
from alerts.retraining.requests import LOSS_KINDS, lock_model
from algorithms.method_results import MethodResult
from algorithms.verdicts import Severity, Verdict
from detections.findings import RunFinding
from detections.ledger.runs import is_inline
from detections.models import DetectionRun
from monitors.models import Baseline

SLICE = "retraining"
"""The slice of alerts about retraining that did not help, beside the monitor's episode of performance."""
MEASURED = "measured"
Trigger = DetectionRun.Trigger

type Record = dict[str, Any]
type Window = tuple[str, str, str]


class VerificationListener:
    """A `detections.listeners.RunListener`."""

    def run_recorded(self, run: DetectionRun, finding: RunFinding) -> None:
        """Count a window of the new model for or against it; the monitor is locked.

        The order of locks is stream, monitor, model, alert. So a run that can ask for retraining locks the
        model here, before the alerts' listener locks an alert.
        """
        if not run.raises_alerts:
            return
        model_id, is_awaited = run.monitor.model_id, _is_awaited(run)
        if is_awaited or finding.verdict is Verdict.DRIFT:
            lock_model(model_id)
        if not is_awaited:
            return
        request = get_open_request(model_id)
        if request is None or not _is_of_new_model(run, request):
            return
        request.verified_runs = [*request.verified_runs, *_records_of(run, finding, request)]
        if request.status == State.DEPLOYED:
            move_request(request, State.VERIFYING)
        _decide(request, run, finding)
        request.save()


def _is_awaited(run: DetectionRun) -> bool:
    """True if a request of the model waits for windows; looked at without its lock, as few have one."""
    awaited = RetrainingRequest.objects.filter(
        model_id=run.monitor.model_id, status__in=[State.DEPLOYED, State.VERIFYING]
    )
    return awaited.exists()


def _is_of_new_model(run: DetectionRun, request: RetrainingRequest) -> bool:
    """True if the run read a window of predictions of the new model, used its baseline, and has an old limit."""
    monitor_id, since = str(run.monitor_id), request.deployed_at
    first = request.new_baselines.get(monitor_id)
    if since is None or first is None or monitor_id not in request.old_limits:
        return False
    if run.window_start < since or run.trigger == Trigger.OUTCOMES or is_inline(run):
        return False
    return Baseline.objects.filter(id__in=[run.baseline_id], version__gte=first).exists()


def _records_of(run: DetectionRun, finding: RunFinding, request: RetrainingRequest) -> list[Record]:
    """One record per metric that has an old limit; one without a metric if the window has none."""
    limits: Mapping[str, Any] = request.old_limits.get(str(run.monitor_id), {})
    records: list[Record] = []
    for method in finding.methods:
        records += _records_of_method(run, method, limits)
    return records or [_record(run)]


def _records_of_method(
    run: DetectionRun, method: MethodResult, limits: Mapping[str, Any]
) -> list[Record]:
    kind = LOSS_KINDS.get(method.method.value)
    if kind is None:
        return []
    return [
        _record(
            run,
            kind=kind,
            metric=each.feature,
            value=each.statistic,
            limit=limits[each.feature]["limit"],
            keeps=keeps_to(each.statistic, limits[each.feature]),
        )
        for each in method.details
        if each.feature in limits and each.statistic is not None and each.threshold is not None
    ]


def _record(run: DetectionRun, **measured: Any) -> Record:
    return {
        "run_id": str(run.id),
        "monitor_id": str(run.monitor_id),
        "window_start": run.window_start.isoformat(),
        "window_end": run.window_end.isoformat(),
        **measured,
    }


def judged_windows(records: Iterable[Record]) -> dict[Window, bool]:
    """Each window that says something, and if all its metrics keep to the old limits.

    A measured metric replaces its estimate, and a later run over the same window an earlier one.
    """
    metrics: dict[Window, dict[str, Record]] = defaultdict(dict)
    for record in records:
        if "metric" not in record:
            continue
        known = metrics[_window_of(record)].get(record["metric"])
        if known is None or known["kind"] != MEASURED or record["kind"] == MEASURED:
            metrics[_window_of(record)][record["metric"]] = record
    return {window: _keeps_all(by_metric) for window, by_metric in metrics.items()}


def _keeps_all(by_metric: Mapping[str, Record]) -> bool:
    return all(record["keeps"] for record in by_metric.values())


def _window_of(record: Record) -> Window:
    return record["monitor_id"], record["window_start"], record["window_end"]


def silent_windows(records: Sequence[Record]) -> int:
    """The windows that say nothing of performance, of the monitor that has the most of them."""
    judged = judged_windows(records)
    counts: dict[str, set[Window]] = defaultdict(set)
    for record in records:
        if _window_of(record) not in judged:
            counts[record["monitor_id"]].add(_window_of(record))
    return max((len(windows) for windows in counts.values()), default=0)


def _decide(request: RetrainingRequest, run: DetectionRun, finding: RunFinding) -> None:
    """End the request once enough windows have come: by the majority of those that say something."""
    judged = judged_windows(request.verified_runs)
    needed = request.windows_needed
    if len(judged) >= needed:
        good = sum(judged.values())
        _conclude(request, run, finding, good=good, of=len(judged))
    elif _has_only_silence(request, run):
        move_request(request, State.UNVERIFIED, _silence(request))
        note_on_alert(request, request.conclusion, run=run)


def _has_only_silence(request: RetrainingRequest, run: DetectionRun) -> bool:
    """True if a monitor has read enough windows, and none of them has said anything.

    While labels are due, a window that is silent now is measured by its follow-up.
    """
    if judged_windows(request.verified_runs) or run.monitor.label_delay is not None:
        return False
    return silent_windows(request.verified_runs) >= request.windows_needed


def _silence(request: RetrainingRequest) -> str:
    return (
        f"The first {request.windows_needed} windows of the new model have neither labels nor "
        "scores, so nothing says if it is better."
    )


def _conclude(
    request: RetrainingRequest, run: DetectionRun, finding: RunFinding, *, good: int, of: int
) -> None:
    words = f"{good} of {of} windows of the new model keep to the old baseline's limits."
    if good * 2 > of:
        move_request(request, State.EFFECTIVE, words)
        _resolve_alerts(request, run)
    else:
        move_request(request, State.INEFFECTIVE, words)
        _raise_ineffective(request, run, finding)
    note_on_alert(request, f"Retraining was {request.status}: {words}", run=run)


def _unresolved(monitor_id: Any) -> Alert | None:
    alerts = Alert.objects.select_for_update(no_key=True).exclude(phase=Alert.Phase.RESOLVED)
    found = alerts.filter(
        monitor_id=monitor_id, kind=Alert.Kind.PERFORMANCE, slice_key=SLICE, is_history=False
    )
    return found.first()


def _resolve_alerts(request: RetrainingRequest, run: DetectionRun) -> None:
    """End the alert of an earlier ineffective retraining of the monitor."""
    alert = _unresolved(run.monitor_id)
    if alert is not None:
        reason = "Retraining was effective."
        said = Circumstances(run=run, reason=reason, notifies=True)
        event = move(alert, Move.RESOLVED, said)
        alert.save()
        announce_resolved(alert, event)


def _raise_ineffective(request: RetrainingRequest, run: DetectionRun, finding: RunFinding) -> None:
    """Raise an alert of its own, once; another retraining is not asked for until it is released."""
    if _unresolved(run.monitor_id) is not None:
        return
    severity = _severity_of(request)
    alert = Alert(
        tenant_id=request.tenant_id,
        monitor=run.monitor,
        kind=Alert.Kind.PERFORMANCE,
        slice_key=SLICE,
        first_run=run,
        last_run=run,
        severity=severity,
        peak_severity=severity,
        summary=f"{run.monitor.name}: retraining did not help",
        window_start=_first_start(request),
        window_end=run.window_end,
    )
    reason = (
        f"{request.conclusion} No further retraining of the model is asked for until a person "
        "releases the request or another model is deployed."
    )
    details = {"request_id": str(request.id)}
    said = Circumstances(run=run, reason=reason, details=details, notifies=True)
    event = move(alert, Move.OPENED, said)
    alert.save()
    keep_runs(alert, ())
    announce_raised(alert, event, run=run, finding=finding)


def _severity_of(request: RetrainingRequest) -> str:
    asked = Alert.objects.filter(id__in=[request.alert_id]).values_list("peak_severity", flat=True)
    return asked.first() or Severity.WARNING.value


def _first_start(request: RetrainingRequest) -> datetime:
    starts = [record["window_start"] for record in request.verified_runs]
    return datetime.fromisoformat(min(starts))
