"""Creates tenants, members and API keys, and ends them."""

import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from drift_detector.observability.key_masks import KEY_PREFIX, SHOWN
from drift_detector.tenancy.acting import recorded_transaction
from drift_detector.tenancy.authentication import digest
from drift_detector.tenancy.models import (
    ApiKey,
    KeyState,
    Membership,
    Quota,
    Role,
    Scope,
    Tenant,
    TenantQuota,
    User,
)
from drift_detector.tenancy.quotas import check_room
from drift_detector.tenancy.scope import current_tenant_id, lock_local, tenant_scope
from drift_detector.tenancy.selection import memberships_of

ALL_SCOPES = frozenset(Scope)
LONGEST_OVERLAP = timedelta(days=90)
"""The most time for which a rotated key is answered: a quarter, in which each user of it has a release."""


@dataclass(frozen=True)
class Lifetime:
    """The end of a new API key.

    Attributes:
        expires_at: The moment; None for the installation's number of days from now.
        never_ends: True for a key without an end, which must be asked for.
    """

    expires_at: datetime | None = None
    never_ends: bool = False


USUAL_LIFETIME, ENDLESS = Lifetime(), Lifetime(never_ends=True)


class LastAdmin(Exception):
    """A tenant would be without an admin."""

    def __init__(self) -> None:
        super().__init__(
            "The last admin of a tenant must stay; make another member an admin first."
        )


class NotRotatable(Exception):
    """An API key has ended, or has a successor."""


class ScopeNotHeld(Exception):
    """A caller grants a scope that it does not have."""

    def __init__(self, missing: Collection[Scope]) -> None:
        names = ", ".join(sorted(missing))
        super().__init__(f"You cannot grant a scope that you do not have: {names}.")


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
    """Make a person a member of the current tenant, or change their role.

    Raises:
        LastAdmin: If the tenant would be without an admin.
    """
    if role is not Role.ADMIN:
        _keep_an_admin(user)
    membership, _ = Membership.objects.update_or_create(
        tenant_id=current_tenant_id(), user=user, defaults={"role": role, "is_by_provider": False}
    )
    return membership


def remove_member(*, user: User) -> bool:
    """End a person's membership of the current tenant; False without one.

    Raises:
        LastAdmin: If the tenant would be without an admin.
    """
    _keep_an_admin(user)
    removed, _ = Membership.objects.filter(user=user).delete()
    return bool(removed)


def deactivate_user(user: User) -> None:
    """End all sessions of a person, in every tenant, and let them sign in no more.

    Raises:
        LastAdmin: If one of their tenants would be without an admin.
    """
    with recorded_transaction():
        keep_admins_without(user)
        # Sessions carry a hash of the password, so a new one ends them even if the person comes back.
        user.set_unusable_password()
        user.is_active = False
        user.save(update_fields=["password", "is_active"])


def keep_admins_without(leaving: User) -> None:
    """Refuse to take a person away from tenants of which they are the last admin.

    Raises:
        LastAdmin: If one of their tenants would be without an admin.
    """
    # In one order, or two of these could wait for each other.
    for tenant_id in sorted(each.tenant_id for each in memberships_of(leaving)):
        with tenant_scope(tenant_id):
            _keep_an_admin(leaving)


def _keep_an_admin(leaving: User) -> None:
    """Refuse to take away the last admin of the current tenant; two that step down at once wait for each other."""
    lock_local(f"admins of {current_tenant_id()}")
    admins = Membership.objects.filter(role=Role.ADMIN, user__is_active=True)
    ids = set(admins.values_list("user_id", flat=True))
    if ids == {leaving.pk}:
        raise LastAdmin


def set_quotas(**limits: int | None) -> TenantQuota:
    """Give the current tenant quotas of its own, by their names; None stands for the setting."""
    quotas, _ = TenantQuota.objects.update_or_create(tenant_id=current_tenant_id(), defaults=limits)
    return quotas


def create_api_key(
    *,
    name: str,
    scopes: Collection[Scope],
    lifetime: Lifetime = USUAL_LIFETIME,
    granted_by: Collection[Scope] = ALL_SCOPES,
) -> tuple[ApiKey, str]:
    """Create an API key for the current tenant.

    Args:
        name: Its purpose.
        scopes: Its rights.
        lifetime: Its end.
        granted_by: The scopes of the caller.

    Returns:
        The stored row, and the key itself, which is not stored.

    Raises:
        ValidationError: If the name is empty or too long, there is no scope, or the end is past or too far.
        ScopeNotHeld: If the caller does not have one of the scopes.
        OverQuota: If the tenant may have no further key.
    """
    if missing := set(scopes) - set(granted_by):
        raise ScopeNotHeld(missing)
    check_room(Quota.KEYS)
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    stored = ApiKey(
        tenant_id=current_tenant_id(),
        name=name,
        scopes=[each.value for each in Scope if each in scopes],
        prefix=key[:SHOWN],
        sha256=digest(key),
        expires_at=_checked_end(lifetime),
    )
    stored.clean_fields()
    stored.save(force_insert=True)
    return stored, key


def _checked_end(lifetime: Lifetime) -> datetime | None:
    now, keys = timezone.now(), settings.ENV.keys
    if lifetime.never_ends:
        return None
    if lifetime.expires_at is None:
        return now + timedelta(days=keys.days)
    expires_at = lifetime.expires_at
    if not now < expires_at <= now + timedelta(days=keys.longest_days):
        reason = f"expires_at must be in the future, at most {keys.longest_days} days from now."
        raise ValidationError({"expires_at": [reason]})
    return expires_at


def rotate_api_key(
    *,
    key_id: UUID,
    overlap: timedelta | None = None,
    lifetime: Lifetime = USUAL_LIFETIME,
    granted_by: Collection[Scope] = ALL_SCOPES,
) -> tuple[ApiKey, str]:
    """Create the successor of a key, with its name and its scopes; the old key ends after an overlap.

    Args:
        key_id: The old key.
        overlap: For this time it is still answered; zero revokes it at once. By default the installation's.
        lifetime: The end of the successor.
        granted_by: The scopes of the caller.

    Returns:
        As `create_api_key`.

    Raises:
        ApiKey.DoesNotExist: If the tenant has no such key.
        NotRotatable: If it has ended, or has a successor.
        ValidationError: As `create_api_key`.
        ScopeNotHeld: As `create_api_key`.
        OverQuota: As `create_api_key`.
    """
    old = ApiKey.objects.select_for_update().get(id=key_id)
    _check_rotatable(old)
    usual = timedelta(days=settings.ENV.keys.overlap_days)
    _end_after(old, _checked_overlap(usual if overlap is None else overlap))
    made, key = create_api_key(
        name=old.name, scopes=old.granted, lifetime=lifetime, granted_by=granted_by
    )
    old.successor = made
    old.save(update_fields=["successor"])
    return made, key


def _check_rotatable(key: ApiKey) -> None:
    if key.successor_id is not None:
        raise NotRotatable("The key has a successor already; rotate that one.")
    if key.state in (KeyState.EXPIRED, KeyState.REVOKED):
        raise NotRotatable(f"The key is {key.state.value}; create a new one.")


def _checked_overlap(overlap: timedelta) -> timedelta:
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        reason = f"overlap must be from 0 to {LONGEST_OVERLAP.days} days."
        raise ValidationError({"overlap": [reason]})
    return overlap


def _end_after(key: ApiKey, overlap: timedelta) -> None:
    """End a key, but never later than it would have ended."""
    now = timezone.now()
    if not overlap:
        key.revoked_at = now
    else:
        key.expires_at = min(now + overlap, key.expires_at or now + overlap)
    key.save(update_fields=["revoked_at", "expires_at"])


def revoke_api_key(*, key_id: UUID) -> ApiKey:
    """Refuse requests with a key from now on; one that is revoked stays as it is.

    Raises:
        ApiKey.DoesNotExist: If the tenant has no such key.
    """
    unrevoked = ApiKey.objects.filter(id=key_id, revoked_at__isnull=True)
    unrevoked.update(revoked_at=timezone.now())
    return ApiKey.objects.get(id=key_id)
