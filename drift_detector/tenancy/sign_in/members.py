"""Makes people and memberships as the provider's groups say, and takes back what it gave."""

from collections.abc import Mapping

import structlog

from drift_detector.tenancy.acting import recorded_for_person
from drift_detector.tenancy.models import Membership, Role, User
from drift_detector.tenancy.scope import current_tenant_id, tenant_scope
from drift_detector.tenancy.selection import memberships_of, tenant_named

log = structlog.get_logger(__name__)

LONGEST_USERNAME = 140
"""Of 150 characters, so that a number has room behind it."""


def sync_memberships(user: User, roles: Mapping[str, Role]) -> list[Membership]:
    """Give a person the roles of their groups in tenants, and take those away that earlier groups gave.

    A membership that was given by hand stays as it is.

    Args:
        user: The person.
        roles: The role in each tenant, by its slug; a slug without a tenant is passed over.

    Returns:
        The memberships that the person has now.
    """
    if not user.is_active:  # allauth refuses the sign-in; nothing is given to a closed account
        return memberships_of(user)
    with recorded_for_person(user):
        return _sync(user, roles)


def _sync(user: User, roles: Mapping[str, Role]) -> list[Membership]:
    tenants = {slug: tenant for slug in roles if (tenant := tenant_named(slug)) is not None}
    wanted = {tenant.pk: roles[slug] for slug, tenant in tenants.items()}
    known = {each.tenant_id: each for each in memberships_of(user)}
    for tenant_id, membership in known.items():
        if membership.is_by_provider and tenant_id not in wanted:
            with tenant_scope(tenant_id):
                membership.delete()
    for tenant_id, role in wanted.items():
        with tenant_scope(tenant_id):
            _give(user, known.get(tenant_id), role)
    return memberships_of(user)


def _give(user: User, known: Membership | None, role: Role) -> None:
    if known is None:
        Membership.objects.create(
            tenant_id=current_tenant_id(), user=user, role=role, is_by_provider=True
        )
    elif known.is_by_provider and known.role != role:
        known.role = role
        known.save(update_fields=["role"])


def free_username(wished: str) -> str:
    """A username that no one has in any spelling: the one that is wished, or it with a number."""
    stem = "".join(each for each in wished if each.isprintable()).strip()[:LONGEST_USERNAME]
    stem = stem or "person"
    name, number = stem, 1
    while User.objects.filter(username__iexact=name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name
