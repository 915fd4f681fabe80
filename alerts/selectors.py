"""Reads alerts."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from alerts.models import Alert, AlertRun, RetrainingRequest
from alerts.models.retraining_states import OPEN_STATES
from detections.models import DetectionRun

MOST_COMPARED = 100
"""The newest alerts of a monitor among which similar ones are looked for."""
HEAVY = ("state", "cause", "note")


def list_alerts() -> QuerySet[Alert]:
    """All alerts with their monitors."""
    return Alert.objects.select_related("monitor")


def list_opened_alerts() -> QuerySet[Alert]:
    """The alerts without those that were never more than pending."""
    return list_alerts().filter(opened_at__isnull=False)


def list_open_alerts_of_monitor(monitor_id: UUID) -> QuerySet[Alert]:
    """The alerts of a monitor that are opened and not over, the latest first."""
    opened = list_opened_alerts().filter(monitor_id=monitor_id, is_history=False)
    return opened.exclude(phase=Alert.Phase.RESOLVED)


def list_alerts_of_run(run_id: UUID) -> QuerySet[Alert]:
    """The alerts whose episodes a run belongs to."""
    members = AlertRun.objects.filter(run_id=run_id)
    return list_alerts().filter(id__in=members.values("alert_id"))


def is_unacknowledged() -> Q:
    """The condition of an alert that waits for a person: it is new, or its snooze is over.

    Alerts that never opened, and those of the past, wait for no one.
    """
    is_over = Q(attention=Alert.Attention.SNOOZED, snoozed_until__lte=timezone.now())
    waits = Q(attention=Alert.Attention.NEW) | is_over
    # The first condition is that of the index `alert_unacknowledged`.
    return Q(attention__in=Alert.WAITING, is_history=False, opened_at__isnull=False) & waits


def get_drifted_run(alert: Alert) -> DetectionRun | None:
    """The run of the newest drifted window of an alert, with its monitor; its last run without one."""
    drifted = AlertRun.objects.filter(alert_id=alert.id, verdict="drift").select_related("run")
    light = drifted.defer("observation", "state_after", "run__inline_data")
    newest = light.order_by("-window_end").first()
    run: DetectionRun | None = alert.last_run if newest is None else newest.run
    if run is not None:
        run.monitor = alert.monitor
    return run


@dataclass(frozen=True, slots=True)
class SimilarAlert:
    """Another alert of the same monitor.

    Attributes:
        alert: The alert.
        features: The features that drifted in both.
    """

    alert: Alert
    features: tuple[str, ...]


def list_similar_alerts(alert: Alert, *, most: int) -> list[SimilarAlert]:
    """Other alerts of the monitor, of the same kind or about the same features.

    Those that share the most features come first, and of these the newest.
    """
    others = Alert.objects.filter(monitor_id=alert.monitor_id, opened_at__isnull=False)
    newest = others.exclude(id=alert.id).defer(*HEAVY).order_by("-created_at")
    names = set(features_of(alert))
    found = [SimilarAlert(each, _shared(each, names)) for each in newest[:MOST_COMPARED]]
    similar = [each for each in found if each.features or each.alert.kind == alert.kind]
    return sorted(similar, key=lambda each: -len(each.features))[:most]


def _shared(alert: Alert, names: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in features_of(alert) if name in names)


def features_of(alert: Alert) -> list[str]:
    """The features that drifted in an alert, each once."""
    named: Iterable[str] = (str(each["feature"]) for each in alert.drifted_features)
    return list(dict.fromkeys(named))


def list_concept_alerts(monitor_id: UUID, *, most: int) -> list[Alert]:
    """The newest alerts about a monitor's error rate."""
    found = Alert.objects.filter(monitor_id=monitor_id, kind=Alert.Kind.CONCEPT)
    return list(found.defer(*HEAVY).order_by("-created_at")[:most])


def get_retraining_request(alert: Alert) -> RetrainingRequest | None:
    """The newest request that an alert has made; else the open one of its model, by another alert."""
    is_open = Q(model_id=alert.monitor.model_id, status__in=OPEN_STATES)
    found = RetrainingRequest.objects.filter(Q(alert_id=alert.id) | is_open)
    light = found.defer("evidence", "old_limits", "verified_runs")
    requests = list(light.order_by("-created_at"))
    own = [each for each in requests if each.alert_id == alert.id]
    return next(iter([*own, *requests]), None)
