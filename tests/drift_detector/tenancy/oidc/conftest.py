"""A running provider, and a service that believes it."""

from collections.abc import Callable, Iterator

import pytest

from drift_detector.setting_groups.door_settings import Oidc
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.oidc import signing_keys
from tests.drift_detector.tenancy.oidc.provider import AUDIENCE, Provider

GROUPS = {
    "ml": [{"tenant": "acme", "role": "operator"}],
    "ml-leads": [{"tenant": "acme", "role": "admin"}],
    "readers": [{"tenant": "acme", "role": "viewer"}, {"tenant": "rival", "role": "viewer"}],
    "ghosts": [{"tenant": "no-such-tenant", "role": "admin"}],
}


@pytest.fixture(scope="session")
def running_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    provider = Provider(tmp_path_factory.mktemp("provider"))
    yield provider
    provider.stop()


@pytest.fixture
def provider(running_provider: Provider) -> Iterator[Provider]:
    """The provider as it is at first, and a process that has not asked it yet."""
    signing_keys.provider_keys.cache_clear()
    signer = running_provider.signer
    yield running_provider
    running_provider.signer = signer
    running_provider.behave(status=200, headers={}, delay=0)
    running_provider.publish(signer.jwk)


@pytest.fixture
def oidc(provider: Provider) -> Oidc:
    return Oidc.model_validate({"issuer": provider.issuer, "audience": AUDIENCE, "groups": GROUPS})


@pytest.fixture
def trusting(
    oidc: Oidc, override: Callable[..., None], tenant: Tenant, other_tenant: Tenant
) -> None:
    """The service takes the provider's tokens; there are the tenants `acme` and `rival`."""
    override(oidc=oidc)
