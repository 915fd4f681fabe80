"""Sign-in by the provider: the answers are made by hand, as an attacker between the two could make them."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.http import HttpResponse
from django.test import Client
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.selection import memberships_of
from tests.drift_detector.tenancy.oidc.provider import Provider, RsaSigner, signed
from tests.drift_detector.tenancy.sign_in.conftest import CLIENT, person_of

START, CALLBACK, HOME = "/admin/login/provider/", "/admin/login/provider/callback/", "/admin/"
pytestmark = pytest.mark.usefixtures("single_sign_on")


def begin(client: Client, **fields: str) -> dict[str, str]:
    """Press the button; the parameters with which the browser is sent to the provider."""
    answer = client.post(START, fields)
    assert answer.status_code == 302, answer.content
    query = parse_qs(urlsplit(answer["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def come_back(
    client: Client,
    provider: Provider,
    asked: dict[str, str],
    *,
    state: str | None = None,
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> HttpResponse:
    """The provider answers, by default as it should."""
    usual = {"aud": CLIENT, "sub": "ana-1", "preferred_username": "ana.sso"}
    full = usual | {"nonce": asked["nonce"]} | claims
    token = provider.token({"typ": "JWT"} | (header or {}), **full)
    answer_with(provider, {"access_token": "opaque", "token_type": "Bearer", "id_token": token})
    fields = {"code": "c0de", "state": asked["state"] if state is None else state}
    return client.get(CALLBACK, fields)  # type: ignore[return-value]


def answer_with(provider: Provider, answer: object) -> None:
    provider.behave(answers=provider.state["answers"] | {"/token": answer})


def sign_in(provider: Provider, client: Client | None = None, **claims: Any) -> HttpResponse:
    client = client or Client()
    return come_back(client, provider, begin(client), **claims)


def roles(user: User) -> dict[str, str]:
    return {each.tenant.slug: each.role for each in memberships_of(user)}


def assert_out(client: Client) -> None:
    assert client.get(HOME)["Location"].startswith("/admin/login/")


def test_sign_in__first_time__makes_a_person_with_the_roles(provider: Provider) -> None:
    client = Client()
    claims = {"email": "ana@example.com", "email_verified": True}
    assert sign_in(provider, client, **claims)["Location"] == HOME
    assert client.get(HOME).status_code == 200
    user = User.objects.get(username="ana.sso")
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (True, False, False)
    assert roles(user) == {"acme": "operator"}
    account = SocialAccount.objects.get(user=user)
    assert (account.provider, account.uid, account.extra_data) == (provider.issuer, "ana-1", {})
    assert not SocialToken.objects.exists()
    assert not EmailAddress.objects.exists()


def test_sign_in__question__has_state_nonce_and_challenge(provider: Provider) -> None:
    client = Client()
    asked = begin(client)
    assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
    assert asked["redirect_uri"] == f"http://testserver{CALLBACK}"
    assert asked["code_challenge_method"] == "S256"
    assert asked["nonce"] != asked["state"] != begin(client)["state"]
    come_back(client, provider, asked)
    posted = parse_qs(provider.state_file.with_suffix(".posted").read_text())
    digest = sha256(posted["code_verifier"][0].encode()).digest()
    assert urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]


def test_sign_in__again__is_the_same_person_whatever_the_name(provider: Provider) -> None:
    sign_in(provider)
    sign_in(provider, preferred_username="other", email="new@example.com")
    assert [each.username for each in User.objects.all()] == ["ana.sso"]


def test_sign_in__name_and_email_of_another__never_joins(
    provider: Provider, tenant: Tenant
) -> None:
    boss = User.objects.create_user("boss", email="boss@example.com", is_staff=True)
    with tenant_scope(tenant.id):
        Membership.objects.create(tenant=tenant, user=boss, role=Role.ADMIN)
    client = Client()
    claims = {"preferred_username": "BOSS", "email": "boss@example.com", "email_verified": True}
    sign_in(provider, client, **claims)
    made = User.objects.exclude(pk=boss.pk).get()
    assert (made.username, made.email, roles(made)) == ("BOSS-2", "", {"acme": "operator"})
    assert int(client.session["_auth_user_id"]) == made.pk


def test_sign_in__subject_of_another_issuer__is_another_person(
    provider: Provider, tenant: Tenant
) -> None:
    boss = User.objects.create_user("boss", is_staff=True)
    SocialAccount.objects.create(user=boss, provider="https://old.example.com", uid="ana-1")
    sign_in(provider)
    assert SocialAccount.objects.get(provider=provider.issuer).user != boss


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "made-up"},
        {"nonce": None},
        {"nonce": ""},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": "https://evil.example.com"},
        {"exp": 1},
        {"sub": ""},
        {"sub": "a" * 192},
        {"header": {"alg": "none"}},
        {"header": {"jku": "https://evil.example.com"}},
    ],
    ids=str,
)
def test_sign_in__odd_answer__is_refused(provider: Provider, claims: dict[str, Any]) -> None:
    client = Client()
    assert sign_in(provider, client, **claims).status_code == 401
    assert_out(client)
    assert not User.objects.exists()


def test_sign_in__id_token_of_a_stranger__is_refused(provider: Provider) -> None:
    client = Client()
    asked = begin(client)
    claims = provider.claims(aud=CLIENT, nonce=asked["nonce"])
    token = signed(RsaSigner("one"), json.dumps(claims), {"typ": "JWT"})
    answer_with(provider, {"access_token": "x", "token_type": "Bearer", "id_token": token})
    back = client.get(CALLBACK, {"code": "c", "state": asked["state"]})
    assert (back.status_code, User.objects.count()) == (401, 0)


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "invalid_grant", "error_description": "canary"},
        {"access_token": "x"},
        {"access_token": "x", "id_token": 7},
        {"access_token": "x", "expires_in": "soon"},
        {"access_token": "x", "expires_in": [1]},
        [],
        7,
        "canary",
    ],
    ids=str,
)
def test_sign_in__no_id_token__is_refused(provider: Provider, answer: object) -> None:
    client = Client()
    asked = begin(client)
    answer_with(provider, answer)
    with capture_logs() as logs:
        assert client.get(CALLBACK, {"code": "c", "state": asked["state"]}).status_code == 401
    assert "canary" not in str(logs)


def test_callback__state_of_another_browser__is_refused(provider: Provider) -> None:
    asked, victim = begin(Client()), Client()
    begin(victim)
    assert come_back(victim, provider, asked).status_code == 401
    assert_out(victim)


def test_callback__twice__is_refused(provider: Provider) -> None:
    client = Client()
    asked = begin(client)
    assert come_back(client, provider, asked).status_code == 302
    assert come_back(client, provider, asked).status_code == 401


@pytest.mark.parametrize("error", ["access_denied", "server_error"])
def test_callback__provider_says_no__is_a_page(provider: Provider, error: str) -> None:
    client = Client()
    back = client.get(CALLBACK, {"error": error, "state": begin(client)["state"]})
    assert back.status_code == 401
    assert "not completed" in back.content.decode()


def test_start__by_get_or_without_the_token__is_refused() -> None:
    assert Client().get(START).status_code == 405
    assert Client(enforce_csrf_checks=True).post(START).status_code == 403


@pytest.mark.parametrize(
    ("wished", "reached"),
    [
        ("/admin/alerts/", "/admin/alerts/"),
        ("https://evil.example.com/", HOME),
        ("//evil.example.com/", HOME),
        ("/\\evil.example.com", HOME),
        ("javascript:alert(1)", HOME),
        ("", HOME),
    ],
)
def test_sign_in__next__leads_to_pages_of_ours_only(
    provider: Provider, wished: str, reached: str
) -> None:
    client = Client()
    asked = begin(client, next=wished)
    assert come_back(client, provider, asked)["Location"] == reached


@pytest.mark.parametrize("process", ["connect", "redirect"])
def test_start__signed_in_by_password__never_connects(
    provider: Provider, worker: User, process: str
) -> None:
    client = Client()
    client.force_login(worker)
    answer = client.post(f"{START}?process={process}", {"process": process})
    query = parse_qs(urlsplit(answer["Location"]).query)
    come_back(client, provider, {name: values[0] for name, values in query.items()})
    assert not SocialAccount.objects.filter(user=worker).exists()


def test_sign_in__no_role__is_a_clear_page_and_no_person(provider: Provider) -> None:
    client = Client()
    refused = sign_in(provider, client, groups=["others"])
    assert refused.status_code == 403
    assert "none of your groups has a role here" in refused.content.decode()
    assert not User.objects.exists()
    assert_out(client)


def test_sign_in__role_in_a_tenant_that_is_gone__makes_no_person(provider: Provider) -> None:
    assert sign_in(provider, groups=["ghosts"]).status_code == 403
    assert not User.objects.exists()


def test_sign_in__other_groups__change_the_memberships(provider: Provider) -> None:
    sign_in(provider, groups=["ml-leads"])
    user = User.objects.get()
    assert roles(user) == {"acme": "admin"}
    sign_in(provider, groups=["readers"])
    assert roles(user) == {"acme": "viewer", "rival": "viewer"}
    client = Client()
    assert sign_in(provider, client, groups=[]).status_code == 403
    assert roles(user) == {}
    assert_out(client)


def test_sign_in__membership_by_hand__stays_as_it_is(
    provider: Provider, other_tenant: Tenant, tenant: Tenant
) -> None:
    sign_in(provider)
    user = User.objects.get()
    with tenant_scope(other_tenant.id):
        Membership.objects.create(tenant=other_tenant, user=user, role=Role.ADMIN)
    assert sign_in(provider, groups=["readers"]).status_code == 302
    assert roles(user) == {"acme": "viewer", "rival": "admin"}
    assert sign_in(provider, groups=[]).status_code == 302
    assert roles(user) == {"rival": "admin"}


def test_sign_in__admin_of_the_provider__needs_no_code_of_ours(provider: Provider) -> None:
    assert sign_in(provider, groups=["ml-leads"])["Location"] == HOME


def test_sign_in__closed_account__stays_out_and_its_tokens_too(
    provider: Provider, override: Callable[..., None]
) -> None:
    sign_in(provider)
    User.objects.update(is_active=False)
    client = Client()
    assert sign_in(provider, client).status_code == 403
    assert_out(client)
    override(oidc={"audience": "api"})
    token = provider.token(aud="api", sub="ana-1")
    ask = APIClient().get("/api/v1/monitors", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert ask.status_code == 401


def test_sign_in__provider_away__is_a_page(provider: Provider) -> None:
    provider.behave(status=503)
    assert Client().post(START).status_code == 503


def test_sign_in__token_endpoint_that_leads_elsewhere__is_not_followed(provider: Provider) -> None:
    client = Client()
    asked = begin(client)
    answer_with(provider, {})
    provider.behave(status=307, headers={"Location": f"{provider.issuer}/stolen"})
    assert client.get(CALLBACK, {"code": "c", "state": asked["state"]}).status_code in (401, 503)
    assert "/stolen" not in provider.state_file.with_suffix(".log").read_text()


def test_sign_in__refused__logs_no_secret(provider: Provider) -> None:
    with capture_logs() as logs:
        sign_in(provider, sub="canary", nonce="canary", email="canary@example.com")
    assert "provider_sign_in_refused" in {entry["event"] for entry in logs}
    assert "canary" not in str(logs)
    assert "hush" not in str(logs)


def test_login__with_a_provider__has_its_button(provider: Provider) -> None:
    page = Client().get("/admin/login/?next=/admin/alerts/").content.decode()
    assert "Sign in with Example ID" in page
    assert 'name="next" value="/admin/alerts/"' in page
    assert 'name="password"' in page


def test_login__passwords_closed__takes_none(
    provider: Provider, override: Callable[..., None], worker: User
) -> None:
    override(sign_in={"passwords": False})
    page = Client().get("/admin/login/").content.decode()
    assert "Sign in with Example ID" in page
    assert 'name="password"' not in page
    form = {"username": worker.username, "password": "correct horse battery staple"}
    client = Client()
    assert client.post("/admin/login/", form).status_code == 403
    assert_out(client)
    client.force_login(worker)
    assert client.get("/admin/password_change/").status_code == 403


def test_login__without_a_provider__has_no_button_and_no_way(
    override: Callable[..., None], tenant: Tenant
) -> None:
    override(oidc={"client_id": ""})
    assert START not in Client().get("/admin/login/").content.decode()
    assert Client().post(START).status_code == 404
    assert Client().get(CALLBACK).status_code == 404
    assert person_of(tenant, Role.VIEWER)


@pytest.mark.parametrize(
    "path",
    [
        "signup/", "email/", "password/reset/", "password/change/", "social/connections/",
        "social/signup/", "confirm-email/x/", "2fa/", "2fa/totp/deactivate/", "inactive/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("base", ["/accounts/", "/admin/", "/"])
def test_pages_of_allauth__others__are_not_there(worker: User, base: str, path: str) -> None:
    client = Client()
    client.force_login(worker)
    assert client.get(base + path).status_code == 404
