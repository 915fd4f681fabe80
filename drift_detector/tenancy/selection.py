"""The tenant of a person who is signed in: picked in the admin, stored in the session."""

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
    if not isinstance(request.user, User) or not request.user.is_active:
        return None
    memberships = memberships_of(request.user)
    picked = request.session.get(SESSION_KEY)
    for membership in memberships:
        if str(membership.tenant_id) == picked:
            return membership
    return memberships[0] if memberships else None


def pick_tenant(request: HttpRequest, tenant: Tenant) -> None:
    """Work in this tenant from the next request on."""
    request.session[SESSION_KEY] = str(tenant.pk)
