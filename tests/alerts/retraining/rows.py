"""A row of each resource of retraining and learning, for the tests of all operations."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from alerts.models import ModelMapping, RetrainingRequest, Suggestion
from drift_detector.encryption import encrypt
from monitors.models import Monitor


def make_learning_rows(monitor: Monitor) -> dict[str, str]:
    """An ineffective request, a mapping and a suggestion that is offered, by the nouns of their paths."""
    request, mapping = make_request(monitor), make_mapping(monitor)
    rows = {
        "retraining-requests": request.id,
        "model-mappings": mapping.id,
        "suggestions": make_suggestion(monitor).id,
        "models": monitor.model_id,
        "integrations": monitor.tenant_id,
    }
    return {noun: str(row_id) for noun, row_id in rows.items()}


def make_request(monitor: Monitor, **fields: Any) -> RetrainingRequest:
    now = timezone.now()
    values: dict[str, Any] = {
        "status": "ineffective", "finished_at": now, "reason": "drift", "window_start": now - timedelta(days=7),
        "window_end": now, "suggested_from": now - timedelta(days=7), "suggested_to": now, "expires_at": now,
    }  # fmt: skip
    return RetrainingRequest.objects.create(
        tenant_id=monitor.tenant_id, model_id=monitor.model_id, monitor=monitor, **values | fields
    )


def make_mapping(monitor: Monitor) -> ModelMapping:
    return ModelMapping.objects.create(
        tenant_id=monitor.tenant_id, registered_model="arrivals", alias="champion", model_id=monitor.model_id,
        secret=encrypt("a secret of the registry"), changed_by="key:test",
    )  # fmt: skip


def make_suggestion(monitor: Monitor) -> Suggestion:
    return Suggestion.objects.create(
        tenant_id=monitor.tenant_id, monitor=monitor, status="offered", method="ks", feature="delay",
        tolerance=0.14, summary="tolerance of delay (ks) to 0.14", requested_by="key:test",
    )  # fmt: skip
