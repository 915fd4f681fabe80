"""Removes a tenant with all that it has, in batches, and certifies what was removed and what stays where."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from django.utils import timezone

from drift_detector.audit.erasure.catalogue import (
    changed_by,
    list_tenant_tables,
    require_owner,
    rows_of,
)
from drift_detector.tenancy.acting import Cause, acting_as
from drift_detector.tenancy.models import Membership, Tenant
from drift_detector.tenancy.principal import Actor, ActorKind
from drift_detector.tenancy.scope import tenant_scope

BATCH = 5_000
REMOVAL = Cause(Actor(ActorKind.PROCESS, id="delete_tenant", name="delete_tenant"))
DELETE = "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} LIMIT %s))"
# First, so that no one changes anything meanwhile; the tables then go in the order of their references.
DOORS = ("drf_api_keys", "drf_memberships")
TRAIL = "drf_audit"
# The trail is partitioned, so a ctid is not unique in it; its index begins with the tenant.
DELETE_TRAIL = """
    DELETE FROM drf_audit
    WHERE tenant_id = %s AND id = ANY (ARRAY(SELECT id FROM drf_audit WHERE tenant_id = %s LIMIT %s))
"""
TELL = "SELECT drf_audit_write(NULL, 'delete', 'tenants', %s, NULL, %s)"
STAYS = {
    "Kafka": "events of its topics, until the retention of each topic ends; the key of an event is a monitor's id",
    "outbox of Kafka consumers": "what consumers have taken over, in their own systems",
    "backups": "all of it, until the backups made before this moment are gone",
    "logs and traces": "ids of the tenant, its monitors and runs, until their own retention ends",
    "object stores and folders": "the tenant's own data, which the service only reads",
    "audit trail of the installation": "this certificate",
}

_beside_tables: list[Callable[[], object]] = []


@dataclass
class Certificate:
    """The record of an erasure: the rows that are removed, and the copies that stay elsewhere.

    Attributes:
        tenant_id: The tenant.
        slug: Its short name.
        begun_at: The moment at which the removal began.
        ended_at: The moment at which nothing was left; empty until then.
        removed: The number of rows by table.
        people: The ids of people who were members; `erase_person` erases those who are in no other tenant.
        stays: The places that keep something, and for how long.
    """

    tenant_id: str
    slug: str
    begun_at: str
    ended_at: str = ""
    removed: Counter[str] = field(default_factory=Counter)
    people: list[int] = field(default_factory=list)
    stays: dict[str, str] = field(default_factory=lambda: dict(STAYS))

    @property
    def text(self) -> str:
        """The certificate as JSON."""
        return json.dumps(vars(self), indent=2)


def begin(tenant: Tenant, path: Path) -> Certificate:
    """The certificate of a removal; one that was interrupted goes on with its counts."""
    if not path.exists():
        return Certificate(str(tenant.id), tenant.slug, timezone.now().isoformat())
    kept = json.loads(path.read_text())
    if kept["tenant_id"] != str(tenant.id):
        raise ValueError(f"{path} is the certificate of another tenant.")
    return Certificate(**kept | {"removed": Counter(kept["removed"])})


def register_removal(remove: Callable[[], object]) -> None:
    """Have something called in the scope of a tenant, before its rows are removed: for what no table of it holds."""
    _beside_tables.append(remove)


def delete_tenant(tenant: Tenant, path: Path) -> Certificate:
    """Remove all rows of a tenant, batch by batch, and write the certificate after each batch.

    Called again after an interruption, it removes what is left.

    Raises:
        NotTheOwner: If the connection is not the owner's.
        ValueError: If the file is the certificate of another tenant.
    """
    require_owner()
    certificate = begin(tenant, path)
    with tenant_scope(tenant.id):
        people = Membership.objects.values_list("user_id", flat=True)
        certificate.people = sorted({*certificate.people, *people})
        _remove_beside_tables()
    # Before a row is gone, so that a place that cannot be written to is found in time.
    path.write_text(certificate.text)
    for table in [*_in_order(), TRAIL]:
        while removed := _remove_batch(tenant.id, table):
            certificate.removed[table] += removed
            path.write_text(certificate.text)
    _end(tenant.id, certificate)
    path.write_text(certificate.text)
    return certificate


def _remove_beside_tables() -> None:
    for remove in _beside_tables:
        remove()


def _remove_late_rows(tenant_id: UUID) -> Counter[str]:
    """Remove what processes have written since their tables were emptied, such as a build that has ended meanwhile.

    The lock on the tenant's row holds back all that still writes: each new row refers to it when it is committed, and
    is refused once the tenant is gone.
    """
    rows_of("SELECT FROM drf_tenants WHERE id = %s FOR UPDATE", [tenant_id])
    _remove_beside_tables()
    removed: Counter[str] = Counter()
    for table in _in_order():
        while late := _remove_batch(tenant_id, table):
            removed[table] += late
    return removed


def _in_order() -> list[str]:
    rest = [each for each in list_tenant_tables() if each not in DOORS]
    return [*DOORS, *rest]


def _remove_batch(tenant_id: UUID, table: str) -> int:
    # As a process: of the work that goes, no entry is written to a trail that goes after it.
    with acting_as(REMOVAL), tenant_scope(tenant_id):
        if table == TRAIL:
            return _remove_entries(tenant_id)
        return changed_by(DELETE.format(table=table), [BATCH])


def _remove_entries(tenant_id: UUID) -> int:
    return changed_by(DELETE_TRAIL, [tenant_id, tenant_id, BATCH])


def _end(tenant_id: UUID, certificate: Certificate) -> None:
    """Remove the tenant, and the entry of that; the trail of the installation keeps the certificate."""
    with tenant_scope(tenant_id):
        certificate.removed += _remove_late_rows(tenant_id)
        certificate.removed["drf_tenants"] += changed_by(
            "DELETE FROM drf_tenants WHERE id = %s", [tenant_id]
        )
        certificate.removed[TRAIL] += _remove_entries(tenant_id)
        certificate.ended_at = timezone.now().isoformat()
        rows_of(TELL, [str(tenant_id), certificate.text])
