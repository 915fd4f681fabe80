"""Measures what a tenant's rows take, for its quota of storage."""

from uuid import UUID

from django.db import connection

from drift_detector.tenancy.quotas import note_storage
from drift_detector.tenancy.scope import tenant_scope

STORAGE_TASK = "detections.measure_storage"
# The large columns alone: lengths that stand beside them, so none is read or decompressed.
MEASURE = """
    SELECT (SELECT coalesce(sum(size_bytes), 0) FROM drf_baselines)
         + (SELECT coalesce(sum(octet_length(html)), 0) FROM drf_reports)
         + (SELECT coalesce(sum(octet_length(inline_data)), 0) FROM drf_runs WHERE inline_data IS NOT NULL)
         + (SELECT coalesce(sum(octet_length(content)), 0) FROM drf_outcome_batches)
         + (SELECT coalesce(sum(octet_length(drawn)), 0) FROM drf_label_audits)
"""


def measure_storage(*, tenant_id: UUID) -> int:
    """Record the bytes of a tenant's baselines, reports, sent rows, outcomes and audited rows."""
    with tenant_scope(tenant_id):
        with connection.cursor() as cursor:
            cursor.execute(MEASURE)
            size = int(cursor.fetchone()[0])
        note_storage(size)
    return size
