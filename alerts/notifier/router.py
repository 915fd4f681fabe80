"""Routes alert events: in one transaction, the notifications are written and the event is marked as routed."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from django.db import DatabaseError, connection
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from alerts.channels.channel_kind import ABOUT_PEOPLE
from alerts.channels.channel_registry import CHANNEL_KINDS
from alerts.models import Alert, AlertEvent, Channel, Notification, Route
from alerts.notifier.hiding import Hidden, hiding
from alerts.notifier.plans import ENDING, Happening, Past, Plan, plans_for
from alerts.notifier.readings import alerts_by_id, subject_of_alert
from alerts.notifier.repeats import write_repeat
from algorithms.verdicts import rank
from drift_detector.tenancy.scope import tenant_scope

log = structlog.get_logger(__name__)

BATCH_SIZE = 200
MOST_TENANTS = 100
Kind = Notification.Kind
Status = Notification.Status
ONE_AT_A_TIME = (Kind.ALERT, Kind.UPDATE, Kind.RESOLVED)
"""Of these, a channel has one that waits for an alert; what happens meanwhile joins it."""
HEARD = (Status.PENDING, Status.SENT, Status.SUMMARISED)


def route_waiting_events() -> int:
    """Route the events that wait, of all tenants; the number of routed events."""
    waiting = AlertEvent.objects.filter(notifies=True, routed_at__isnull=True)
    tenants = waiting.order_by().values_list("tenant_id", flat=True).distinct()[:MOST_TENANTS]
    return sum(_routed(tenant_id) for tenant_id in list(tenants))


def _routed(tenant_id: UUID) -> int:
    """Route the events of a tenant; a fault holds up this tenant's alone."""
    try:
        return route_events(tenant_id)
    except DatabaseError:
        raise
    except Exception:
        log.exception("events_not_routed", tenant_id=str(tenant_id))
        return 0


def route_events(tenant_id: UUID) -> int:
    """Route some events of a tenant, oldest first, unless another notifier does so now."""
    with tenant_scope(tenant_id):
        if not _lock(tenant_id):
            return 0
        events = _waiting_events()
        _Router().route(events)
        AlertEvent.objects.filter(id__in=[event.id for event in events]).update(
            routed_at=timezone.now()
        )
    return len(events)


def _lock(tenant_id: UUID) -> bool:
    """Be the one that routes for the tenant, until the commit; else two would mix the order."""
    name = f"notifier:{tenant_id}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def _waiting_events() -> list[AlertEvent]:
    waiting = AlertEvent.objects.filter(notifies=True, routed_at__isnull=True)
    return list(waiting.order_by("created_at", "number")[:BATCH_SIZE])


class _Router:
    """Routes the events of one tenant, within its scope."""

    def __init__(self) -> None:
        enabled = Route.objects.filter(enabled=True).prefetch_related("route_channels")
        self._routes = list(enabled)
        self._channels = {each.id: each for each in Channel.objects.filter(enabled=True)}
        self._now = timezone.now()

    def route(self, events: Sequence[AlertEvent]) -> None:
        alerts = alerts_by_id(event.alert_id for event in events)
        for event in events:
            self._route_event(event, alerts[event.alert_id])

    def _route_event(self, event: AlertEvent, alert: Alert) -> None:
        subject = subject_of_alert(alert, event.severity)
        happening = Happening(kind=event.kind, at=event.created_at, subject=subject)
        if event.kind in ENDING:
            _end_reminders(alert, f"The alert was {event.kind}.")
        plans = [
            plan
            for plan in plans_for(happening, self._routes, _past_of(alert.id))
            if self._is_heard(plan)
        ]
        if not plans:
            return
        hidden = hiding(subject, [event.created_at, self._now])
        for plan in plans:
            notification = _write(plan, event, hidden)
            if hidden and notification:  # it can still be repeated when it is hidden no longer
                write_repeat(notification, self._route_of(plan), self._now)
        log.info("alert_routed", alert_id=str(alert.id), kind=event.kind, notifications=len(plans))

    def _route_of(self, plan: Plan) -> Route | None:
        return next((route for route in self._routes if route.id == plan.route_id), None)

    def _is_heard(self, plan: Plan) -> bool:
        channel = self._channels.get(plan.channel_id)
        if channel is None or channel.kind not in CHANNEL_KINDS:
            return False
        is_update = plan.kind == Kind.UPDATE
        return not is_update or CHANNEL_KINDS[channel.kind].hears >= ABOUT_PEOPLE


def _past_of(alert_id: UUID) -> Past:
    """The channels that an alert went to; an escalation that is still to come did not go anywhere."""
    heard = Notification.objects.filter(alert_id=alert_id, status__in=HEARD).exclude(
        Q(kind__in=[Kind.ESCALATION, Kind.REPEAT]) & Q(status=Status.PENDING, attempt=0)
    )
    went = dict(heard.order_by("created_at").values_list("channel_id", "route_id"))
    sent = heard.order_by().values_list("channel_id").annotate(last=Max("sent_at"))
    return Past(went, {channel_id: last for channel_id, last in sent if last is not None})


def _end_reminders(alert: Alert, reason: str) -> None:
    """Drop the repeats and escalations that are still to come."""
    reminders = Notification.objects.filter(
        alert_id=alert.id,
        status=Status.PENDING,
        kind__in=[Kind.ESCALATION, Kind.REPEAT],
        lease_token__isnull=True,
    )
    reminders.update(status=Status.SUPPRESSED, reason=reason)


def _write(plan: Plan, event: AlertEvent, hidden: Hidden | None) -> Notification | None:
    """Write a notification, unless there is one that the event joins."""
    if hidden is not None and plan.kind != Kind.RESOLVED:  # those who know wait for the end
        # Of what is hidden there is nothing to escalate.
        return None if plan.kind == Kind.ESCALATION else _insert(plan, event, hidden)
    return None if _join(plan, event) else _insert(plan, event)


def _join(plan: Plan, event: AlertEvent) -> bool:
    """Let an event join a notification that still waits; True if there is one."""
    waiting = _waiting_for(plan, event).select_for_update().first()
    if waiting is None:
        return False
    if plan.kind == Kind.ESCALATION:
        return True  # the steps began with the first event that called for people
    waiting.events = [*waiting.events, str(event.id)]
    waiting.severity = max(waiting.severity, event.severity, key=rank)
    waiting.due_at = min(waiting.due_at, plan.due_at)
    waiting.kind = _joined_kind(waiting.kind, plan.kind)
    waiting.save(update_fields=["events", "severity", "due_at", "kind"])
    return True


def _joined_kind(waiting: str, joins: Kind) -> str:
    """The kind of both: an end decides, and an update changes nothing of a new alert."""
    return waiting if joins == Kind.UPDATE else joins


def _waiting_for(plan: Plan, event: AlertEvent) -> QuerySet[Notification]:
    """The notification that waits for its first try, and that the plan would double."""
    waiting = Notification.objects.filter(
        channel_id=plan.channel_id, status=Status.PENDING, attempt=0
    )
    if plan.kind == Kind.DIGEST:
        return waiting.filter(Q(route_id=plan.route_id), kind=plan.kind, due_at=plan.due_at)
    of_alert = waiting.filter(alert_id=event.alert_id)
    if plan.kind == Kind.ESCALATION:
        return of_alert.filter(kind=plan.kind)
    return of_alert.filter(kind__in=ONE_AT_A_TIME)


def _insert(plan: Plan, event: AlertEvent, hidden: Hidden | None = None) -> Notification:
    is_digest = plan.kind == Kind.DIGEST and hidden is None
    return Notification.objects.create(
        tenant_id=event.tenant_id,
        channel_id=plan.channel_id,
        route_id=plan.route_id,
        alert_id=None if is_digest else event.alert_id,
        kind=plan.kind,
        severity=event.severity,
        events=[str(event.id)],
        status=Status.SUPPRESSED if hidden else Status.PENDING,
        reason=hidden.reason if hidden else "",
        suppressed_by=hidden.by if hidden else None,
        due_at=plan.due_at,
    )
