"""Reads the alerts that people gave reasons for, with the effect sizes of their drifted windows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from alerts.learning.precision import JudgedAlert, Place
from alerts.models import Alert, AlertRun
from algorithms.verdicts import Verdict
from detections.models import Detection

OF_LOSSES = (Detection.Type.PERFORMANCE, Detection.Type.CONCEPT)

type Bounds = tuple[datetime, datetime]


def list_judged_alerts(monitor_id: UUID) -> list[JudgedAlert]:
    """The monitor's alerts whose acknowledgement has a reason, oldest first."""
    alerts = Alert.objects.filter(monitor_id=monitor_id).exclude(acknowledged_reason="")
    rows = list(alerts.order_by("created_at", "id"))
    runs = runs_of(rows)
    effects = _effects_of({run_id for of_alert in runs.values() for run_id in of_alert})
    return [_judged(alert, runs[alert.id], effects) for alert in rows]


def runs_of(alerts: Sequence[Alert]) -> dict[UUID, set[UUID]]:
    """The runs of each alert that are known: its first, its last, and those between."""
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for alert in alerts:
        found[alert.id] = {
            each for each in (alert.first_run_id, alert.last_run_id) if each is not None
        }
    ids = [alert.id for alert in alerts]
    rows = AlertRun.objects.filter(alert_id__in=ids, verdict=Verdict.DRIFT)
    for alert_id, run_id in rows.values_list("alert_id", "run_id"):
        found[alert_id].add(run_id)
    return found


def drifted_windows_of(alerts: Sequence[Alert]) -> dict[UUID, set[Bounds]]:
    """The drifted windows of each alert."""
    runs = runs_of(alerts)
    ids = {run_id for of_alert in runs.values() for run_id in of_alert}
    rows = Detection.objects.filter(run_id__in=ids, is_drifted=True)
    windows = {
        run_id: (start, end)
        for run_id, start, end in rows.values_list("run_id", "window_start", "window_end")
    }
    found = {alert.id: set[Bounds]() for alert in alerts}
    for alert_id, of_alert in runs.items():
        found[alert_id] |= {windows[run_id] for run_id in of_alert if run_id in windows}
    return found


def without_losses(alerts: Sequence[Alert]) -> list[Alert]:
    """The alerts in which no metric of performance and no error rate drifted."""
    runs = runs_of(alerts)
    ids = {run_id for of_alert in runs.values() for run_id in of_alert}
    losses = Detection.objects.filter(run_id__in=ids, is_drifted=True, detection_type__in=OF_LOSSES)
    lossy = set(losses.values_list("run_id", flat=True))
    return [alert for alert in alerts if not runs[alert.id] & lossy]


type Effects = dict[UUID, dict[Place, float]]


def _effects_of(run_ids: Iterable[UUID]) -> Effects:
    """The effect size of each method and feature that drifted, by run; of two references the larger."""
    effects: Effects = defaultdict(dict)
    drifted = Detection.objects.filter(run_id__in=set(run_ids), is_drifted=True, counts=True)
    for run_id, method, details in drifted.values_list("run_id", "method", "details"):
        for feature, effect in _drifted_effects(details):
            known = effects[run_id].get((method, feature), effect)
            effects[run_id][method, feature] = max(known, effect)
    return effects


def _drifted_effects(details: Iterable[dict[str, Any]]) -> list[tuple[str, float]]:
    return [
        (each["feature"], each["effect_size"])
        for each in details
        if each.get("verdict") == Verdict.DRIFT and (each.get("effect_size") or 0) > 0
    ]


def _judged(alert: Alert, run_ids: Iterable[UUID], effects: Effects) -> JudgedAlert:
    by_place: dict[Place, list[float]] = defaultdict(list)
    for run_id in run_ids:
        for place, effect in effects.get(run_id, {}).items():
            by_place[place].append(effect)
    named = {each["feature"] for each in alert.drifted_features}
    return JudgedAlert(
        alert_id=alert.id,
        reason=alert.acknowledged_reason,
        features=frozenset(named | {feature for _, feature in by_place}),
        effects=dict(by_place),
    )
