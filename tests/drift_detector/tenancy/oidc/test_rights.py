"""The tenant, the role and the scopes that a token has by the mapping of groups."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from drift_detector.tenancy.models import Tenant
from tests.drift_detector.tenancy.oidc.provider import Provider
from tests.factories import make_monitor

URL = "/api/v1/monitors"
pytestmark = pytest.mark.usefixtures("trusting")


def client_with(token: str, tenant: str = "") -> APIClient:
    client = APIClient()
    named = {"HTTP_DRIFT_TENANT": tenant} if tenant else {}
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", **named)
    return client


@pytest.mark.parametrize(
    ("groups", "status"),
    [
        (["ml"], 400),
        ("ml", 400),
        (["ml-leads"], 400),
        (["readers", "ml"], 400),
        (["readers"], 403),
        (["ml", "readers"], 400),
    ],
    ids=str,
)
def test_token__groups__give_the_highest_role(provider: Provider, groups: Any, status: int) -> None:
    client = client_with(provider.token(groups=groups), "acme")
    assert client.post(URL, {}).status_code == status


@pytest.mark.parametrize("groups", [["admins"], [], None, {"ml": True}, [["ml"]], 7, "", ["ML"]])
def test_token__no_group_of_the_mapping__is_403(provider: Provider, groups: Any) -> None:
    answer = client_with(provider.token(groups=groups)).get(URL)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "The token has no role in any tenant."


def test_token__several_tenants__must_name_one_of_its_own(
    provider: Provider, in_tenant: Tenant
) -> None:
    make_monitor(name="Mine")
    token = provider.token(groups=["readers"])
    unnamed = client_with(token).get(URL)
    assert unnamed.status_code == 400
    assert "one of your tenants: acme, rival." in unnamed.content.decode()
    assert len(client_with(token, "acme").get(URL).json()["results"]) == 1
    assert client_with(token, "rival").get(URL).json()["results"] == []


@pytest.mark.parametrize("named", ["rival", "no-such-tenant", "acme\x00", "ACME", "acme,rival"])
def test_token__another_tenant_named__is_403_and_tells_nothing(
    provider: Provider, named: str
) -> None:
    answer = client_with(provider.token(), named).get(URL)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "The token has no role in this tenant."


def test_token__tenant_of_the_mapping_that_is_gone__is_403(provider: Provider) -> None:
    assert client_with(provider.token(groups=["ghosts"])).get(URL).status_code == 403


@pytest.mark.parametrize(
    ("claims", "read", "write"),
    [
        ({"scope": "monitors:read"}, 200, 403),
        ({"scope": "openid profile"}, 200, 400),
        ({"scope": "openid monitors:read"}, 200, 403),
        ({"scope": "monitors:read monitors:write"}, 200, 400),
        ({"scp": ["monitors:read"]}, 200, 403),
        ({"scp": "monitors:write"}, 403, 400),
        ({"scope": 7}, 200, 400),
        ({"scope": ["monitors:read", 7]}, 200, 403),
    ],
    ids=str,
)
def test_token__scopes_of_ours__narrow_the_role(
    provider: Provider, claims: dict[str, Any], read: int, write: int
) -> None:
    client = client_with(provider.token(**claims))
    assert (client.get(URL).status_code, client.post(URL, {}).status_code) == (read, write)


def test_token__scope_above_the_role__gives_nothing_more(provider: Provider) -> None:
    token = provider.token(groups=["readers"], scope="monitors:read monitors:write admin")
    assert client_with(token, "acme").post(URL, {}).status_code == 403


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["ml"]}}),
        ("https://acme.example/groups", {"https://acme.example/groups": ["ml"]}),
    ],
)
def test_token__groups_in_another_claim__are_found(
    provider: Provider, override: Any, name: str, claims: dict[str, Any]
) -> None:
    override(oidc={"groups_claim": name})
    assert client_with(provider.token(groups=None, **claims)).get(URL).status_code == 200
    assert client_with(provider.token()).get(URL).status_code == 403


def test_token__acting__is_named_by_its_subject(
    provider: Provider, in_tenant: Tenant, empty_broker: None
) -> None:
    monitor = make_monitor(name="Mine")
    token = provider.token(preferred_username="nightly\x07 job", sub="robot-1")
    answer = client_with(token).post(f"{URL}/{monitor.id}/run", {})
    assert answer.status_code == 202, answer.content
    assert answer.json()["requested_by"] == "token:nightly job"
