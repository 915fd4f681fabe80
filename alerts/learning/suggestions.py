"""Makes suggestions, has each tested by a backtest, and takes accepted ones over into the monitor."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from alerts.learning.judged_alerts import (
    Bounds,
    drifted_windows_of,
    list_judged_alerts,
    without_losses,
)
from alerts.learning.precision import TRUE
from alerts.learning.tolerances import Candidate, find_candidates
from alerts.models import Alert, Suggestion
from algorithms.verdicts import Verdict
from detections.backtests.services import request_backtest
from detections.models import Backtest, DetectionRun
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from monitors.services import update_monitor
from monitors.validators import HIGHEST_TOLERANCE, check_tolerances

log = structlog.get_logger(__name__)

Status = Suggestion.Status
OPEN = (Status.TESTING, Status.OFFERED)
A_MOMENT = timedelta(microseconds=1)


class NotAcceptable(Exception):
    """The suggestion can't be accepted; the message says why."""


def learn(*, monitor: Monitor, by: str) -> list[Suggestion]:
    """Suggest tolerances from the reasons so far; a worker tests each before it is offered.

    What an open suggestion says already is not said again; one that the reasons no longer support is
    superseded.

    Raises:
        NoBacktest: If the monitor can't be replayed.
        OverQuota: If the tenant may not have the runs of the backtests today.
    """
    Monitor.objects.select_for_update(no_key=True).get(id=monitor.id)
    _settle_finished(monitor)
    candidates = find_candidates(list_judged_alerts(monitor.id), HIGHEST_TOLERANCE)
    known = _supersede(monitor, candidates)
    span = _span_of(monitor) if candidates else None
    if span is None:
        return known
    new = [each for each in candidates if not _is_known(each, known)]
    return [*known, *(_suggest(monitor, each, span, by) for each in new)]


def _settle_finished(monitor: Monitor) -> None:
    """Settle those whose backtest ended where no worker could say so."""
    testing = Suggestion.objects.filter(monitor=monitor, status=Status.TESTING)
    for suggestion in testing.select_related("backtest", "monitor"):
        _settle(suggestion)


def _supersede(monitor: Monitor, candidates: Sequence[Candidate]) -> list[Suggestion]:
    """Close the open suggestions that no candidate repeats; returns the others."""
    kept: list[Suggestion] = []
    for suggestion in Suggestion.objects.filter(monitor=monitor, status__in=OPEN):
        if any(_is_same(each, suggestion) for each in candidates):
            kept.append(suggestion)
        else:
            suggestion.status = Status.SUPERSEDED
            suggestion.save(update_fields=["status"])
    return kept


def _is_known(candidate: Candidate, known: Iterable[Suggestion]) -> bool:
    return any(_is_same(candidate, suggestion) for suggestion in known)


def _is_same(candidate: Candidate, suggestion: Suggestion) -> bool:
    ours = (candidate.method, candidate.feature, candidate.tolerance)
    return ours == (suggestion.method, suggestion.feature, suggestion.tolerance)


def _span_of(monitor: Monitor) -> Bounds | None:
    """The time of the ticks whose windows the judged alerts are about; of many, the newest that are allowed."""
    alerts = Alert.objects.filter(monitor=monitor).exclude(acknowledged_reason="")
    windows = [
        window for of_alert in drifted_windows_of(list(alerts)).values() for window in of_alert
    ]
    if not windows:
        return None
    first = min(end for _, end in windows) + monitor.window_lag
    last = max(end for _, end in windows) + monitor.window_lag
    return max(first, _earliest_allowed(monitor, last)), last + A_MOMENT


def _earliest_allowed(monitor: Monitor, last: datetime) -> datetime:
    """The first tick that one backtest may replay, counted back from the last by the runs in the ledger."""
    most = settings.ENV.runs.max_backtest
    ticks = DetectionRun.objects.filter(
        monitor=monitor, scheduled_for__lte=last, trigger__in=["schedule", "backfill"]
    )
    oldest = ticks.order_by("-scheduled_for").values_list("scheduled_for", flat=True)
    allowed = oldest[most - 1 : most].first()
    return allowed or datetime.min.replace(tzinfo=last.tzinfo)


def _suggest(monitor: Monitor, candidate: Candidate, span: Bounds, by: str) -> Suggestion:
    changed = with_tolerance(monitor, candidate.method, candidate.feature, candidate.tolerance)
    try:
        backtest = request_backtest(
            monitor=monitor,
            start=span[0],
            end=span[1],
            requested_by=by,
            changes={"tolerances": changed},
        )
    except ValidationError as error:
        return _create(monitor, candidate, by, status=Status.REFUSED, reason=error.messages[0])
    return _create(monitor, candidate, by, backtest=backtest)


def _create(monitor: Monitor, candidate: Candidate, by: str, **fields: Any) -> Suggestion:
    return Suggestion.objects.create(
        tenant_id=monitor.tenant_id,
        monitor=monitor,
        method=candidate.method,
        feature=candidate.feature,
        tolerance=candidate.tolerance,
        tolerance_before=_tolerance_of(monitor, candidate.method, candidate.feature),
        summary=candidate.words,
        counts={"noise": candidate.noise, "judged": candidate.judged},
        requested_by=by,
        **fields,
    )


def _tolerance_of(monitor: Monitor, method: str, feature: str) -> float | None:
    """The monitor's own number for a feature, else for the method; None if it leaves it open."""
    mine = monitor.tolerances.get(method, {})
    number: float | None = mine.get("features", {}).get(feature, mine.get("default"))
    return number


def with_tolerance(
    monitor: Monitor, method: str, feature: str, tolerance: float
) -> dict[str, dict[str, Any]]:
    """The monitor's tolerances with another number for one feature."""
    mine = dict(monitor.tolerances.get(method, {}))
    mine["features"] = {**mine.get("features", {}), feature: tolerance}
    return check_tolerances({**monitor.tolerances, method: mine})


def settle_backtest(*, tenant_id: UUID, backtest_id: UUID) -> None:
    """Offer or refuse the suggestion that a backtest was for, once it has ended."""
    with tenant_scope(tenant_id):
        testing = Suggestion.objects.select_for_update(of=("self",), no_key=True)
        testing = testing.select_related("backtest", "monitor")
        found = testing.filter(backtest_id=backtest_id, status=Status.TESTING).first()
        if found is not None:
            _settle(found)


def _settle(suggestion: Suggestion) -> None:
    """Offer a suggestion whose backtest hides noise and nothing real; a failed backtest refuses it."""
    backtest = suggestion.backtest
    if backtest is not None and backtest.status == Backtest.Status.RUNNING:
        return
    if backtest is None or backtest.status == Backtest.Status.FAILED:
        reason = backtest.reason if backtest else "The backtest was removed."
        suggestion.status, suggestion.reason = Status.REFUSED, f"It was not tested: {reason}"
    else:
        suggestion.hidden = find_hidden(suggestion.monitor, backtest.windows)
        suggestion.reason = _objection(suggestion.hidden)
        suggestion.status = Status.REFUSED if suggestion.reason else Status.OFFERED
    suggestion.save(update_fields=["status", "reason", "hidden"])
    log.info("suggestion_settled", suggestion_id=str(suggestion.id), status=suggestion.status)


def find_hidden(monitor: Monitor, windows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The monitor's alerts of which no replayed window drifts any more.

    An alert with a window that was not replayed is not hidden for certain, and not listed. Nor is one
    about performance, which a tolerance does not judge.
    """
    verdicts = {_bounds_of(window): window["verdict"] for window in windows}
    alerts = Alert.objects.filter(
        monitor=monitor, kind=Alert.Kind.STATISTICAL, is_history=False
    ).order_by("created_at")
    statistical = without_losses(list(alerts))
    drifted = drifted_windows_of(statistical)
    return [_shown(alert) for alert in statistical if _is_hidden(drifted[alert.id], verdicts)]


def _bounds_of(window: Mapping[str, Any]) -> Bounds:
    start, end = (datetime.fromisoformat(window[name]) for name in ("window_start", "window_end"))
    return start, end


def _is_hidden(drifted: set[Bounds], verdicts: Mapping[Bounds, str]) -> bool:
    """True if each drifted window was replayed, and none of them drifts."""
    if not drifted or not drifted <= verdicts.keys():
        return False
    return all(verdicts[window] != Verdict.DRIFT for window in drifted)


def _shown(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": str(alert.id),
        "reason": alert.acknowledged_reason,
        "severity": alert.peak_severity,
        "summary": alert.summary,
        "window_start": alert.window_start.isoformat() if alert.window_start else None,
        "window_end": alert.window_end.isoformat() if alert.window_end else None,
    }


def _objection(hidden: Sequence[Mapping[str, Any]]) -> str:
    """The reason why a tested suggestion is not offered; empty if it is."""
    real = [each for each in hidden if each["reason"] in TRUE]
    if real:
        return f"It would have hidden an alert that was {real[0]['reason']}: {real[0]['summary']}."
    if not any(each["reason"] == Alert.Reason.NOISE for each in hidden):
        return "It would have hidden no alert of noise: other methods or features drifted, too."
    return ""


def accept_suggestion(*, suggestion_id: UUID, by: str) -> Suggestion:
    """Set the suggested tolerance at the monitor, and record who did it.

    Raises:
        Suggestion.DoesNotExist: If the tenant has no such suggestion.
        NotAcceptable: If it is not offered, or the tolerance was changed since.
    """
    found = Suggestion.objects.get(id=suggestion_id)
    monitor = Monitor.objects.select_for_update(no_key=True).get(id=found.monitor_id)
    suggestion = Suggestion.objects.select_for_update(no_key=True).get(id=suggestion_id)
    if suggestion.status != Status.OFFERED:
        raise NotAcceptable(
            f"Only a suggestion that is offered can be accepted; it is {suggestion.status}."
        )
    method, feature = suggestion.method, suggestion.feature
    if _tolerance_of(monitor, method, feature) != suggestion.tolerance_before:
        raise NotAcceptable(f"The tolerance of {feature} was changed since; learn again.")
    tolerances = with_tolerance(monitor, method, feature, suggestion.tolerance)
    update_monitor(monitor=monitor, tolerances=tolerances)
    suggestion.status = Status.ACCEPTED
    suggestion.accepted_by, suggestion.accepted_at = by, timezone.now()
    suggestion.save(update_fields=["status", "accepted_by", "accepted_at"])
    log.info("suggestion_accepted", suggestion_id=str(suggestion_id), by=by)
    return suggestion
