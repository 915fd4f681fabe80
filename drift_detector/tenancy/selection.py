"""The tenant a signed-in person works in: picked in the admin, kept in the session."""

from django.db import transaction
from django.http import HttpRequest

from drift_detector.tenancy.models import Membership, Tenant, User
from drift_detector.tenancy.scope import set_local

SESSION_KEY = "tenant_id"


def memberships_of(user: User) -> list[Membership]:
    """A person's memberships with their tenants, oldest first; seen before a tenant is chosen."""
    with transaction.atomic():
        # Policies membership_own and tenant_of_member show a person their own.
        set_local("app.user_id", str(user.pk))
        memberships = list(user.memberships.select_related("tenant", "user").order_by("created_at"))
        set_local("app.user_id", "")
    return memberships


def membership_of_request(request: HttpRequest) -> Membership | None:
    """The membership the session has picked, else the oldest; None for people without one."""
    if not isinstance(request.user, User) or not request.user.is_active:
        return None
    memberships = memberships_of(request.user)
    picked = request.session.get(SESSION_KEY)
    return next(
        (each for each in memberships if str(each.tenant_id) == picked),
        next(iter(memberships), None),
    )


def pick_tenant(request: HttpRequest, tenant: Tenant) -> None:
    """Work in this tenant from the next request on."""
    request.session[SESSION_KEY] = str(tenant.pk)
