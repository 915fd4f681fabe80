"""Moves an alert: the new phase and attention, and the row that says so, in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db.models import Max
from django.utils import timezone

from alerts.episodes.phases import (
    NO_PHASE,
    Attention,
    IllegalMove,
    Move,
    Phase,
    next_attention,
    next_phase,
)
from alerts.models import Alert, AlertEvent
from detections.models import DetectionRun

log = structlog.get_logger(__name__)

RISING = frozenset({Move.OPENED, Move.WORSENED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """The part of an event's row that is not the transition.

    Attributes:
        actor: The name of a person or an API key; empty for the service.
        run: The run that caused it.
        reason: The cause, in words.
        note: What a person wrote.
        details: Further values, for programs.
        notifies: True if people are notified of it.
    """

    actor: str = ""
    run: DetectionRun | None = None
    reason: str = ""
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    notifies: bool = False


def move(alert: Alert, to: Move, circumstances: Circumstances) -> AlertEvent:
    """Change the phase and attention of a locked alert in memory, and write the event.

    The caller saves the alert, which it has locked or is about to insert.

    Raises:
        IllegalMove: If the alert's state does not permit the move; nothing is changed.
    """
    phase, attention = alert.phase, Attention(alert.attention)
    is_new = alert._state.adding
    alert.phase = next_phase("" if is_new else phase, to)
    alert.attention = next_attention(attention, to)
    _set_times(alert, to, is_announced=circumstances.notifies)
    if is_new:
        alert.save(force_insert=True)
    event = _event(alert, to.value, circumstances)
    event.from_phase, event.to_phase = ("" if is_new else phase), alert.phase
    event.from_attention, event.to_attention = ("" if is_new else attention), alert.attention
    event.save(force_insert=True)
    log.info(f"alert_{to}", alert_id=str(alert.id), severity=alert.severity)
    return event


def insert_past(alert: Alert, moves: Sequence[tuple[Move, Circumstances]]) -> None:
    """Write a new alert of an episode that is over, with the events of all its moves.

    It is stored once, in its last phase: an unresolved one of the present may stand beside it.

    Raises:
        IllegalMove: If one of the moves does not follow the one before.
    """
    events: list[AlertEvent] = []
    phase = NO_PHASE
    for to, circumstances in moves:
        alert.phase = next_phase(phase, to)
        _set_times(alert, to, is_announced=circumstances.notifies)
        event = _new_event(alert, len(events) + 1, to.value, circumstances)
        event.from_phase, event.to_phase = phase, alert.phase
        event.from_attention = alert.attention if phase else ""
        event.to_attention = alert.attention
        events.append(event)
        phase = alert.phase
    alert.save(force_insert=True)
    AlertEvent.objects.bulk_create(events)


def remark(alert: Alert, kind: AlertEvent.Kind, circumstances: Circumstances) -> AlertEvent:
    """Write an event that moves nothing: a comment, an assignment, a late run."""
    event = _event(alert, kind, circumstances)
    event.from_phase = event.to_phase = alert.phase
    event.from_attention = event.to_attention = alert.attention
    event.save(force_insert=True)
    return event


def correct(alert: Alert, phase: Phase, circumstances: Circumstances) -> AlertEvent | None:
    """Set the phase of a locked alert to what a late run has shown; None if it is that already.

    The caller saves the alert.

    Raises:
        IllegalMove: If the alert is resolved: it stays so.
    """
    if alert.phase == phase:
        return None
    if alert.phase == Phase.RESOLVED:
        raise IllegalMove(f"An alert that is resolved can't become {phase} again.")
    before = alert.phase
    alert.phase = phase
    _set_phase_times(alert)
    event = _event(alert, AlertEvent.Kind.CORRECTED, circumstances)
    event.from_phase, event.to_phase = before, phase
    event.from_attention = event.to_attention = alert.attention
    event.save(force_insert=True)
    return event


def _set_times(alert: Alert, to: Move, *, is_announced: bool) -> None:
    _set_phase_times(alert)
    if to in RISING and is_announced:
        alert.announced_severity = alert.severity


def _set_phase_times(alert: Alert) -> None:
    now = timezone.now()
    if alert.phase in (Phase.OPEN, Phase.RECOVERING) and alert.opened_at is None:
        alert.opened_at = now
    if alert.phase == Phase.RESOLVED and alert.resolved_at is None:
        alert.resolved_at = now


def _event(alert: Alert, kind: str, circumstances: Circumstances) -> AlertEvent:
    last = AlertEvent.objects.filter(alert_id=alert.id).aggregate(last=Max("number"))["last"]
    return _new_event(alert, (last or 0) + 1, kind, circumstances)


def _new_event(alert: Alert, number: int, kind: str, circumstances: Circumstances) -> AlertEvent:
    return AlertEvent(
        tenant_id=alert.tenant_id,
        alert=alert,
        number=number,
        kind=kind,
        severity=alert.severity,
        actor=circumstances.actor,
        run=circumstances.run,
        reason=circumstances.reason,
        note=circumstances.note,
        details=circumstances.details,
        notifies=circumstances.notifies,
    )
