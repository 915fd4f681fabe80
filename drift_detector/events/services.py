"""Writing events into the outbox."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from django.utils import timezone

from drift_detector.events.models import OutboxEvent
from drift_detector.events.schemas import schema_id, validate
from drift_detector.tenancy.scope import current_tenant_id

SOURCE = "/aumos/drift-detector"


class EventType(StrEnum):
    """An event's type is also its topic."""

    DETECTED = "drift.detected"
    ALERT_RAISED = "drift.alert_raised"
    RETRAINING_REQUIRED = "drift.retraining_required"


def emit(event_type: EventType, *, cause: UUID, key: UUID, data: Mapping[str, Any]) -> None:
    """Put a CloudEvents 1.0 event into the outbox, in the caller's transaction.

    Args:
        cause: What the event tells of. The event's id is made from it and the type, so telling twice is one event.
        key: The monitor; events of one monitor stay in order.
        data: As the type's JSON Schema says.

    Raises:
        jsonschema.ValidationError: If the event does not match its schema.
    """
    event_id = uuid5(cause, event_type)
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": SOURCE,
        "type": event_type.value,
        "subject": str(key),
        "time": timezone.now().isoformat(),
        "datacontenttype": "application/json",
        "dataschema": schema_id(event_type),
        "tenantid": str(current_tenant_id()),
        "data": dict(data),
    }
    validate(envelope)
    event = OutboxEvent(tenant_id=current_tenant_id(), event_id=event_id, topic=event_type, key=key, envelope=envelope)
    OutboxEvent.objects.bulk_create([event], ignore_conflicts=True)
