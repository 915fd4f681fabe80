"""Writes events into the outbox."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.utils import timezone

from drift_detector.events.models import PARTITIONS, OutboxEvent, OutboxKey
from drift_detector.events.schemas import schema_id, validate
from drift_detector.tenancy.scope import current_tenant_id

SOURCE = "/aumos/drift-detector"


class EventType(StrEnum):
    """The types of events; the type is also the topic, unless a setting names another one."""

    DETECTED = "drift.detected"
    ALERT_RAISED = "drift.alert_raised"
    RETRAINING_REQUIRED = "drift.retraining_required"
    ALERT_RESOLVED = "drift.alert_resolved"
    ALERT_ACKNOWLEDGED = "drift.alert_acknowledged"


ALWAYS_PUBLISHED = (EventType.DETECTED, EventType.ALERT_RAISED, EventType.RETRAINING_REQUIRED)
"""The types whose topics must be there; the others are published once a setting names their topic."""


def topics() -> list[str]:
    """The topics of all events that are published."""
    events = settings.ENV.events
    named = [events.alert_resolved_topic, events.alert_acknowledged_topic]
    return [*(each.value for each in ALWAYS_PUBLISHED), *filter(None, named)]


def emit(
    event_type: EventType,
    *,
    cause: UUID,
    key: UUID,
    data: Mapping[str, Any],
    version: int = 1,
    topic: str = "",
) -> None:
    """Put a CloudEvents 1.0 event into the outbox, in the caller's transaction.

    Args:
        event_type: The type of the event.
        cause: The id of the cause. The event's id is made from it and the type, so the same cause
            makes only one event of a type.
        key: The monitor; events of one monitor stay in order.
        data: The data that the JSON Schema of the type describes.
        version: The version of that schema.
        topic: The topic, if it is not named as the type is.

    The event gets the next number of its key. The key's counter stays locked until the transaction
    ends. So events of one key are committed in the order of their numbers, and a rollback leaves no
    gap. The caller locks the monitor first.

    Raises:
        jsonschema_rs.ValidationError: If the event does not match its schema.
    """
    tenant_id, event_id = current_tenant_id(), uuid5(cause, event_type)
    counter, _ = OutboxKey.objects.select_for_update().get_or_create(tenant_id=tenant_id, key=key)
    if OutboxEvent.objects.filter(event_id=event_id).exists():
        return
    counter.seq += 1
    envelope = _envelope(
        event_type, version, event_id=event_id, key=key, seq=counter.seq, data=data
    )
    validate(envelope)
    counter.save(update_fields=["seq"])
    _write_event(counter, event_id, topic or event_type.value, envelope)


def _write_event(counter: OutboxKey, event_id: UUID, topic: str, envelope: dict[str, Any]) -> None:
    OutboxEvent.objects.create(
        tenant_id=counter.tenant_id,
        event_id=event_id,
        topic=topic,
        key=counter.key,
        partition=partition_of(counter.key),
        seq=counter.seq,
        envelope=envelope,
    )


def purge_key(key: UUID) -> None:
    """Purge the event counter of a monitor that is deleted; its waiting events are still published."""
    OutboxKey.objects.filter(key=key).delete()


def _envelope(
    event_type: EventType,
    version: int,
    *,
    event_id: UUID,
    key: UUID,
    seq: int,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(event_id),
        "source": SOURCE,
        "type": event_type.value,
        "subject": str(key),
        "time": timezone.now().isoformat(),
        "datacontenttype": "application/json",
        "dataschema": schema_id(event_type, version),
        "tenantid": str(current_tenant_id()),
        "seq": seq,
        "data": dict(data),
    }


def partition_of(key: UUID) -> int:
    """The partition that publishes a key's events: the last hexadecimal digit of a UUID is random."""
    return key.int % PARTITIONS
