"""Sends one notification: prepares it in one transaction, sends outside of any, records in another."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from alerts.channels.channel_kind import Destination, Message, Reply
from alerts.channels.channel_registry import CHANNEL_KINDS
from alerts.channels.services import destination_of
from alerts.models import Alert, AlertEvent, Channel, Notification
from alerts.notifier.digest_summaries import is_exempt, room_at, summarise, waiting_summary
from alerts.notifier.hiding import hiding
from alerts.notifier.readings import alerts_by_id, subject_of_alert
from alerts.notifier.repeats import write_repeat
from alerts.notifier.texts import Contents, message_of
from drift_detector.encryption import NoKey
from drift_detector.lease import Lease, kept_lease
from drift_detector.observability.metrics import count_notification
from drift_detector.tenancy.scope import release_connection, tenant_scope

log = structlog.get_logger(__name__)

MOST_TRIES_SHOWN = 20
LONGEST_REST_SECONDS = 3600
Kind = Notification.Kind
Status = Notification.Status
REMINDERS = frozenset({Kind.REPEAT, Kind.ESCALATION})


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification that is ready to be sent."""

    kind: str
    destination: Destination
    message: Message


class Sending(StrEnum):
    """The end of one try: the channel took it or not; or the notification needed no try."""

    TAKEN = "taken"
    NEEDLESS = "needless"
    FAILED = "failed"


def send(lease: Lease) -> Sending:
    """Send a claimed notification.

    The transaction that claimed it is over, and none is open while the channel is waited for. If this
    process dies before `_record`, the lease ends, and the same message goes out again with the same id.
    """
    with kept_lease(lease.renew):
        try:
            letter = _prepare(lease)
        except (NoKey, LookupError, TypeError, ValueError) as error:
            log.exception("notification_not_written")
            reply = Reply(False, f"The message cannot be written ({type(error).__name__}).")
            return _record(lease, reply, 0.0)
        if letter is None:
            return Sending.NEEDLESS
        release_connection()
        began = monotonic()
        reply = _try(letter)
        return _record(lease, reply, monotonic() - began)


def _try(letter: Letter) -> Reply:
    kind, seconds = CHANNEL_KINDS[letter.kind], settings.ENV.notifier.send_seconds
    try:
        return kind.send(letter.destination, letter.message, seconds=seconds)
    except Exception as error:  # noqa: BLE001 — a library's fault must not end the process
        name = type(error).__name__
        log.error("notification_try_failed", kind=letter.kind, error=name)
        return Reply(False, f"The try failed ({name}).")


def _prepare(lease: Lease) -> Letter | None:
    """The letter, or None if the notification has come to its end without one."""
    with tenant_scope(lease.tenant_id):
        notification = lease.held().select_related("channel").first()
        if notification is None:
            return None
        contents = _contents_of(notification)
        if _is_needless(lease, notification, contents):
            return None
        channel = notification.channel
        message = message_of(notification, channel, contents)
        return Letter(channel.kind, destination_of(channel), message)


def _contents_of(notification: Notification) -> Contents:
    by_id = {str(event.id): event for event in _events(notification.events)}
    events = [by_id[event_id] for event_id in notification.events if event_id in by_id]
    ids = {event.alert_id for event in events} | {notification.alert_id}
    alerts = alerts_by_id(each for each in ids if each)
    alert = alerts[notification.alert_id] if notification.alert_id else None
    return Contents(alert, events, alerts)


def _events(ids: list[str]) -> list[AlertEvent]:
    return list(AlertEvent.objects.filter(id__in=[UUID(each) for each in ids]))


def _is_needless(lease: Lease, notification: Notification, contents: Contents) -> bool:
    """End a notification that is not to be sent; True if so."""
    channel, alert = notification.channel, contents.alert
    if not channel.enabled or channel.kind not in CHANNEL_KINDS:
        return _suppress(lease, "The channel is switched off.")
    if alert is None:
        return not contents.events and _suppress(lease, "Its alerts are removed.")
    if notification.kind in REMINDERS and (reason := _has_attention(alert)):
        return _suppress(lease, reason)
    if _is_hidden(lease, notification, alert):
        return True
    return _is_summarised(lease, notification, channel)


def _has_attention(alert: Alert) -> str:
    """The reason why people need no reminder of an alert; empty if they do."""
    if alert.phase == Alert.Phase.RESOLVED:
        return "The alert was resolved."
    if alert.attention != Alert.Attention.NEW:
        return f"The alert was {alert.attention}."
    return ""


def _is_hidden(lease: Lease, notification: Notification, alert: Alert) -> bool:
    """Hide it if a silence or a window began since it was routed; it may be repeated afterwards."""
    if notification.kind == Kind.RESOLVED:
        return False  # people know of the alert, and wait for its end
    now = timezone.now()
    hidden = hiding(subject_of_alert(alert, notification.severity), [now])
    if hidden is None:
        return False
    write_repeat(notification, notification.route, now)
    return _suppress(lease, hidden.reason, suppressed_by=hidden.by)


def _is_summarised(lease: Lease, notification: Notification, channel: Channel) -> bool:
    if is_exempt(notification, channel):
        return False
    now = timezone.now()
    due, summary = room_at(channel, now), waiting_summary(channel)
    if due is None and summary is None:
        return False
    standing = summarise(notification, summary, due or now)
    lease.finish(
        status=Status.SUMMARISED,
        suppressed_by=standing.id,
        reason="The channel had reached its number of notifications in an hour.",
    )
    count_notification(Status.SUMMARISED)
    return True


def _suppress(lease: Lease, reason: str, **fields: Any) -> bool:
    lease.finish(status=Status.SUPPRESSED, reason=reason, **fields)
    count_notification(Status.SUPPRESSED)
    return True


def _record(lease: Lease, reply: Reply, seconds: float) -> Sending:
    """Write what the channel said: it is sent, tried again later, or given up."""
    now, sending = timezone.now(), Sending.TAKEN if reply.is_ok else Sending.FAILED
    with tenant_scope(lease.tenant_id):
        notification = lease.held().select_related("route").first()
        if notification is None:
            log.warning("lease_lost", notification_id=str(lease.row_id), is_ok=reply.is_ok)
            return sending
        tries = [*notification.tries, _entry(reply, now, seconds)][-MOST_TRIES_SHOWN:]
        ending = _ending(lease, reply)
        lease.finish(tries=tries, **_fields(lease, ending, reply, now))
        if ending == Status.SENT:
            write_repeat(notification, notification.route, now)
    _tell(lease, notification, ending, reply)
    return sending


def _ending(lease: Lease, reply: Reply) -> str:
    if reply.is_ok:
        return Status.SENT
    is_last = lease.attempt >= settings.ENV.notifier.max_attempts
    return Status.GIVEN_UP if reply.is_final or is_last else Status.PENDING


def _fields(lease: Lease, ending: str, reply: Reply, now: datetime) -> dict[str, Any]:
    if ending == Status.SENT:
        return {"status": ending, "sent_at": now, "reason": ""}
    if ending == Status.GIVEN_UP:
        return {"status": ending, "reason": reply.said}
    return {"due_at": now + rest_after(lease.attempt), "reason": reply.said}


def _entry(reply: Reply, now: datetime, seconds: float) -> dict[str, Any]:
    return {
        "at": now.isoformat(),
        "is_ok": reply.is_ok,
        "said": reply.said,
        "seconds": round(seconds, 3),
    }


def rest_after(attempt: int) -> timedelta:
    """The time until the next try: it doubles, up to an hour."""
    doubled = settings.ENV.notifier.retry_seconds * 2 ** min(attempt - 1, 30)
    return timedelta(seconds=min(doubled, LONGEST_REST_SECONDS))


def _tell(lease: Lease, notification: Notification, ending: str, reply: Reply) -> None:
    fields = {
        "notification_id": str(notification.id),
        "channel_id": str(notification.channel_id),
        "attempt": lease.attempt,
    }
    if ending == Status.SENT:
        log.info("notification_sent", **fields)
    elif ending == Status.GIVEN_UP:
        log.error("notification_given_up", **fields, said=reply.said)
    else:
        log.warning("notification_not_taken", **fields, said=reply.said)
    count_notification("failed" if ending == Status.PENDING else ending)
