"""People who sign in, and the provider that knows them."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from drift_detector.setting_groups.door_settings import Oidc
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from tests.drift_detector.tenancy.oidc.conftest import GROUPS, provider, running_provider
from tests.drift_detector.tenancy.oidc.provider import Provider

__all__ = ["provider", "running_provider"]

RIGHT = "correct horse battery staple"
CLIENT = "drift-admin"


@pytest.fixture
def single_sign_on(
    provider: Provider, override: Callable[..., None], tenant: Tenant, other_tenant: Tenant
) -> Provider:
    """People may sign in by the provider; there are the tenants `acme` and `rival`."""
    fields = {"issuer": provider.issuer, "client_id": CLIENT, "groups": GROUPS}
    override(oidc=Oidc.model_validate(fields | {"client_secret": "hush", "name": "Example ID"}))
    return provider


def person_of(tenant: Tenant, role: Role) -> User:
    """A person with a password; no other test has used up their tries."""
    user = User.objects.create_user(f"ben-{uuid4().hex[:8]}", password=RIGHT, is_staff=True)
    with tenant_scope(tenant.id):
        Membership.objects.create(tenant=tenant, user=user, role=role)
    return user


@pytest.fixture
def boss(tenant: Tenant) -> User:
    """An admin of `acme`."""
    return person_of(tenant, Role.ADMIN)


@pytest.fixture
def worker(tenant: Tenant) -> User:
    """An operator of `acme`."""
    return person_of(tenant, Role.OPERATOR)
