"""The tenant of a person who is signed in: picked in the admin, stored in the session."""

from collections.abc import Sequence

from django.db import transaction
from django.http import HttpRequest

from drift_detector.tenancy.models import Membership, Tenant, User
from drift_detector.tenancy.scope import set_local

SESSION_KEY = "tenant_id"


def memberships_of(user: User) -> list[Membership]:
    """A person's memberships with their tenants, oldest first; seen before a tenant is chosen."""
    with transaction.atomic():
        # Policies membership_own and tenant_of_member show only the rows of this person.
        set_local("app.user_id", str(user.pk))
        memberships = list(user.memberships.select_related("tenant", "user").order_by("created_at"))
        set_local("app.user_id", "")
    return memberships


def membership_of_request(request: HttpRequest) -> Membership | None:
    """The picked membership, else the oldest one; None for people without a membership."""
    return picked_membership(request, memberships_of_request(request))


def memberships_of_request(request: HttpRequest) -> list[Membership]:
    """The memberships of the person who is signed in; none without one."""
    if not isinstance(request.user, User) or not request.user.is_active:
        return []
    return memberships_of(request.user)


def picked_membership(request: HttpRequest, memberships: Sequence[Membership]) -> Membership | None:
    """The one that the person has picked, else the oldest one."""
    picked = request.session.get(SESSION_KEY) if memberships else None
    for membership in memberships:
        if str(membership.tenant_id) == picked:
            return membership
    return memberships[0] if memberships else None


def pick_tenant(request: HttpRequest, tenant: Tenant) -> None:
    """Work in this tenant from the next request on."""
    request.session[SESSION_KEY] = str(tenant.pk)


def tenant_named(slug: str) -> Tenant | None:
    """The tenant of a slug that a trusted source names, such as a checked token; seen before a tenant is chosen."""
    with transaction.atomic():
        # Policy tenant_named shows only the tenant of this slug.
        set_local("app.tenant_slug", slug)
        tenant = Tenant.objects.filter(slug=slug).first()
        set_local("app.tenant_slug", "")
    return tenant
