"""Reads the audit trail with SQL, on a test's own connection."""

import json
from typing import Any
from uuid import UUID

from django.db import connection

from drift_detector.tenancy.scope import tenant_scope

ALL = "SELECT to_jsonb(entry) FROM drf_audit entry ORDER BY created_at"


def entries_of(tenant_id: UUID) -> list[dict[str, Any]]:
    """All entries of a tenant, oldest first."""
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute(ALL)
        return [json.loads(text) for (text,) in cursor.fetchall()]


def entries_about(tenant_id: UUID, object_type: str) -> list[dict[str, Any]]:
    """The entries of a tenant about one kind of object, oldest first."""
    return [each for each in entries_of(tenant_id) if each["object_type"] == object_type]
