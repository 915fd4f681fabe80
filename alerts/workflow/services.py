"""Records what people do with an alert: each through the table of moves, with its event, in one transaction.

A service locks the monitor and then the alert, in the order of a run that ends. The other way round, the
two would wait for each other.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.utils import timezone

from alerts.episodes.announcements import announce_acknowledged, announce_resolved
from alerts.episodes.data_bugs import follow_reason
from alerts.episodes.events import Circumstances, move, remark
from alerts.episodes.phases import IllegalMove, Move
from alerts.models import Alert, AlertEvent
from alerts.workflow.assignees import check_assignee
from monitors.services import lock_monitor

log = structlog.get_logger(__name__)

LONGEST_SNOOZE = timedelta(days=366)
Attention, Phase = Alert.Attention, Alert.Phase
WAS_ACKNOWLEDGED = "was_acknowledged"
"""In the details of a snooze: true if an acknowledgement held before it, and holds again after it."""


class AlreadyAcknowledged(IllegalMove):
    """The alert is already acknowledged; the message says by whom."""


def acknowledge(*, alert_id: UUID, by: str, note: str = "", reason: str = "") -> Alert:
    """Record that a person has seen an alert; a resolved alert can be acknowledged, too.

    Raises:
        Alert.DoesNotExist: If the tenant has no such alert.
        IllegalMove: If it is already acknowledged, or still pending; nothing is changed.
    """
    alert = lock_alert(alert_id)
    if alert.attention == Attention.ACKNOWLEDGED:
        at = f"{alert.acknowledged_at:%Y-%m-%d %H:%M}"
        raise AlreadyAcknowledged(f"Already acknowledged by {alert.acknowledged_by} at {at} UTC.")
    said = Circumstances(actor=by, reason=reason, note=note, notifies=is_live(alert))
    event = _acknowledge(alert, said)
    alert.save()
    follow_reason(alert)
    _announce(alert, event)
    return alert


def _acknowledge(alert: Alert, said: Circumstances) -> AlertEvent:
    event = move(alert, Move.ACKNOWLEDGED, said)
    alert.acknowledged_at, alert.acknowledged_by = timezone.now(), said.actor
    alert.acknowledged_reason, alert.note = said.reason, said.note
    alert.snoozed_until = None
    return event


def snooze(*, alert_id: UUID, by: str, until: datetime, note: str = "") -> Alert:
    """Let an alert rest; at the end people are notified again, unless it is resolved by then.

    Raises:
        Alert.DoesNotExist: If the tenant has no such alert.
        ValidationError: If `until` is not in the future, or more than a year ahead.
        IllegalMove: If the alert is pending or resolved; nothing is changed.
    """
    check_until(until)
    alert = lock_alert(alert_id)
    details = {"until": until.isoformat(), WAS_ACKNOWLEDGED: _holds_acknowledgement(alert)}
    said = Circumstances(actor=by, note=note, details=details, notifies=is_live(alert))
    move(alert, Move.SNOOZED, said)
    alert.snoozed_until = until
    alert.save()
    return alert


def check_until(until: datetime) -> None:
    """Refuse the end of a snooze that is past, or more than a year ahead.

    Raises:
        ValidationError: Of the field `until`.
    """
    now = timezone.now()
    if not now < until <= now + LONGEST_SNOOZE:
        days = LONGEST_SNOOZE.days
        reason = f"until must be in the future, and at most {days} days ahead."
        raise ValidationError({"until": [reason]})


def _holds_acknowledgement(alert: Alert) -> bool:
    """True if people have acknowledged the alert as it is; a snooze after a snooze keeps that."""
    if alert.attention != Attention.SNOOZED:
        return alert.attention == Attention.ACKNOWLEDGED
    return was_acknowledged(alert)


def was_acknowledged(alert: Alert) -> bool:
    """True if an acknowledgement held when a snoozed alert was snoozed first."""
    snoozes = AlertEvent.objects.filter(alert_id=alert.id, kind=AlertEvent.Kind.SNOOZED)
    last = snoozes.order_by("-number").values_list("details", flat=True).first()
    return bool(last and last.get(WAS_ACKNOWLEDGED))


def assign(*, alert_id: UUID, by: str, assignee: str, note: str = "") -> Alert:
    """Name the one who takes care of an alert; an empty name takes the old one away.

    Raises:
        Alert.DoesNotExist: If the tenant has no such alert.
        ValidationError: If the tenant has no such member and no such key.
    """
    check_assignee(assignee)
    alert = lock_alert(alert_id)
    if assignee != alert.assignee:
        details = {"from": alert.assignee, "to": assignee}
        said = Circumstances(actor=by, note=note, details=details, notifies=is_live(alert))
        remark(alert, AlertEvent.Kind.ASSIGNED, said)
        alert.assignee = assignee
        alert.save()
    return alert


def resolve(*, alert_id: UUID, by: str, reason: str, note: str = "") -> Alert:
    """End an episode by hand; the next drifted run opens a new one that is linked to it.

    A person who ends an alert has seen it, so an acknowledgement goes first where none holds.

    Raises:
        Alert.DoesNotExist: If the tenant has no such alert.
        IllegalMove: If the alert is pending or resolved; nothing is changed.
    """
    alert = lock_alert(alert_id)
    if alert.phase not in (Phase.OPEN, Phase.RECOVERING):
        raise IllegalMove(f"An alert that is {alert.phase} can't be resolved.")
    if alert.attention != Attention.ACKNOWLEDGED:
        _acknowledge(alert, Circumstances(actor=by, reason=reason, note=note))
    said = Circumstances(actor=by, reason=reason, note=note, notifies=True)
    event = move(alert, Move.RESOLVED, said)
    alert.acknowledged_reason = reason
    alert.save()
    follow_reason(alert)
    _announce(alert, event)
    return alert


def comment(*, alert_id: UUID, by: str, note: str) -> Alert:
    """Write a note into an alert's timeline.

    Raises:
        Alert.DoesNotExist: If the tenant has no such alert.
        ValidationError: If the note is empty.
    """
    if not note.strip():
        raise ValidationError({"note": ["note must not be empty."]})
    alert = lock_alert(alert_id)
    said = Circumstances(actor=by, note=note, notifies=is_live(alert))
    remark(alert, AlertEvent.Kind.COMMENTED, said)
    return alert


def lock_alert(alert_id: UUID) -> Alert:
    """An alert with its monitor, both locked until the transaction ends.

    No key of them changes, and the lock says so: rows that refer to them can be written meanwhile.

    Raises:
        Alert.DoesNotExist: If the tenant has no such alert.
    """
    lock_monitor(Alert.objects.values_list("monitor_id", flat=True).get(id=alert_id))
    alerts = Alert.objects.select_related("monitor")
    return alerts.select_for_update(no_key=True, of=("self",)).get(id=alert_id)


def is_live(alert: Alert) -> bool:
    """True for an episode that goes on; people hear nothing new of one that is over."""
    return alert.phase in (Phase.OPEN, Phase.RECOVERING)


def _announce(alert: Alert, event: AlertEvent) -> None:
    """Tell consumers of events what a person did."""
    if event.kind == AlertEvent.Kind.ACKNOWLEDGED:
        announce_acknowledged(alert, event)
    else:
        announce_resolved(alert, event)
