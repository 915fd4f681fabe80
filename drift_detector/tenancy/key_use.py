"""Notes when and from where a key was last used, and warns before one expires."""

from datetime import timedelta

import structlog
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from drift_detector.tenancy.models import ApiKey, KeyState
from drift_detector.tenancy.scope import tenant_scope

log = structlog.get_logger(__name__)

NOTED_EVERY = timedelta(minutes=1)


def note_use(key: ApiKey, address: str) -> None:
    """Note a request with a key, at most once a minute across all processes; no request waits for another one's note.

    Args:
        key: The key, as it was read for this request.
        address: The address of the caller.
    """
    if key.last_used_at is not None and timezone.now() - key.last_used_at < NOTED_EVERY:
        return
    with tenant_scope(key.tenant_id):
        is_noted = _note(key, address)
    if is_noted:
        _warn_once_a_day(key)


def _note(key: ApiKey, address: str) -> bool:
    is_due = Q(last_used_at__isnull=True) | Q(last_used_at__lt=Now() - NOTED_EVERY)
    due = ApiKey.objects.filter(is_due, id=key.id)
    # A row that is locked is being noted, or changed, by another process: then the next request notes the use.
    free = due.select_for_update(skip_locked=True, no_key=True).values_list("id", flat=True)
    return bool(
        ApiKey.objects.filter(id__in=list(free)).update(last_used_at=Now(), last_used_from=address)
    )


def _warn_once_a_day(key: ApiKey) -> None:
    today = timezone.now().date()
    if key.state is not KeyState.EXPIRES_SOON or key.expires_at is None:
        return
    if key.last_used_at is None or key.last_used_at.date() < today:
        days = (key.expires_at - timezone.now()).days
        log.warning("api_key_expires_soon", prefix=key.prefix, name=key.name, days=days)
