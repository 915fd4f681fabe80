"""Making tenants, members and keys."""

import secrets
import uuid
from datetime import datetime

from drift_detector.tenancy.authentication import KEY_PREFIX, digest
from drift_detector.tenancy.models import ApiKey, Membership, Role, Tenant, User
from drift_detector.tenancy.scope import current_tenant_id, tenant_scope


def create_tenant(*, slug: str, name: str) -> Tenant:
    """Make a tenant; its own id is the scope it is written in."""
    tenant = Tenant(id=uuid.uuid4(), slug=slug, name=name)
    with tenant_scope(tenant.id):
        tenant.full_clean()
        tenant.save(force_insert=True)
    return tenant


def add_member(*, user: User, role: Role) -> Membership:
    """Make a person a member of the current tenant, or change their role."""
    membership, _ = Membership.objects.update_or_create(
        tenant_id=current_tenant_id(), user=user, defaults={"role": role}
    )
    return membership


def create_api_key(*, name: str, role: Role, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """Make a key for the current tenant; the second value is the key itself, which is not kept."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    stored = ApiKey.objects.create(
        tenant_id=current_tenant_id(), name=name, role=role, prefix=key[:12], sha256=digest(key), expires_at=expires_at
    )
    return stored, key
