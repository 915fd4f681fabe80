"""Creates tenants, members and API keys."""

import secrets
import uuid
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError

from drift_detector.tenancy.authentication import KEY_PREFIX, digest
from drift_detector.tenancy.models import ApiKey, Membership, Quota, Role, Tenant, TenantQuota, User
from drift_detector.tenancy.quotas import check_room
from drift_detector.tenancy.scope import current_tenant_id, tenant_scope


def create_tenant(*, slug: str, name: str) -> Tenant:
    """Create a tenant, in the scope of its own id.

    Raises:
        ValidationError: If the slug is taken, or cannot be the name of a folder.
    """
    tenant = Tenant(id=uuid.uuid4(), slug=slug, name=name)
    try:
        with tenant_scope(tenant.id):
            tenant.full_clean()
            if not slug[0].isalnum():
                raise ValidationError({"slug": "slug must begin with a letter or a digit."})
            tenant.save(force_insert=True)
    except IntegrityError as error:  # row-level security hides the other tenant from `full_clean`
        raise ValidationError({"slug": f"There is a tenant {slug!r} already."}) from error
    return tenant


def add_member(*, user: User, role: Role) -> Membership:
    """Make a person a member of the current tenant, or change their role."""
    membership, _ = Membership.objects.update_or_create(
        tenant_id=current_tenant_id(), user=user, defaults={"role": role}
    )
    return membership


def set_quotas(**limits: int | None) -> TenantQuota:
    """Give the current tenant quotas of its own, by their names; None stands for the setting."""
    quotas, _ = TenantQuota.objects.update_or_create(tenant_id=current_tenant_id(), defaults=limits)
    return quotas


def create_api_key(
    *, name: str, role: Role, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Create an API key for the current tenant.

    Returns:
        The stored row, and the key itself, which is not stored.

    Raises:
        ValidationError: If the name is empty or too long.
        OverQuota: If the tenant may have no further key.
    """
    check_room(Quota.KEYS)
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    stored = ApiKey(
        tenant_id=current_tenant_id(),
        name=name,
        role=role,
        prefix=key[:12],
        sha256=digest(key),
        expires_at=expires_at,
    )
    stored.clean_fields()
    stored.save(force_insert=True)
    return stored, key
