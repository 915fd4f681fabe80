"""Counts what was read of a tenant's data in its quota, where no result says how much it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.db import DatabaseError

from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import note
from drift_detector.tenancy.scope import tenant_scope
from monitors.sources.meters import Meter, metered

log = structlog.get_logger(__name__)


@contextmanager
def counted_reading(tenant_id: UUID) -> Iterator[Meter]:
    """Count what the block reads: at once if an error ends it, and else it is left to the caller."""
    with metered() as meter:
        try:
            yield meter
        except Exception:
            _note_read(tenant_id, meter.bytes)
            raise


def _note_read(tenant_id: UUID, number: int) -> None:
    if not number:
        return
    try:
        with tenant_scope(tenant_id):
            note(Quota.BYTES_READ, number)
    except DatabaseError as error:  # the error of the reading says more
        log.warning("reading_not_counted", bytes=number, error=str(error).strip())
