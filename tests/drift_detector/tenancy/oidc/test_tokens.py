"""Tokens for the API, made by hand and attacked by the book: RFC 8725 (best practices of JWT), RFC 9068."""

import json
import time
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from drift_detector.tenancy.models import Tenant
from tests.drift_detector.tenancy.oidc.provider import (
    AUDIENCE,
    EcSigner,
    HmacSigner,
    Provider,
    RsaSigner,
    b64,
    signed,
)
from tests.factories import make_monitor

URL = "/api/v1/monitors"
pytestmark = pytest.mark.usefixtures("trusting")


def ask(token: str, **headers: str) -> Any:
    return APIClient().get(URL, HTTP_AUTHORIZATION=f"Bearer {token}", headers=headers)


def assert_refused(token: str) -> None:
    answer = ask(token)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    assert answer.json()["detail"] == "The token is not valid."


def test_token__of_the_provider__lets_in(provider: Provider, in_tenant: Tenant) -> None:
    make_monitor(name="Mine")
    answer = ask(provider.token())
    assert [each["name"] for each in answer.json()["results"]] == ["Mine"]


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "application/at+jwt", "AT+JWT", None])
def test_token__type_of_an_access_token__lets_in(provider: Provider, typ: str | None) -> None:
    assert ask(provider.token({"typ": typ})).status_code == 200


def test_token__signed_on_a_curve__lets_in(provider: Provider) -> None:
    provider.signer = EcSigner("curve")
    provider.publish(provider.signer.jwk)
    assert ask(provider.token()).status_code == 200


def test_token__without_a_kid_and_one_key__lets_in(provider: Provider) -> None:
    assert ask(provider.token({"kid": None})).status_code == 200


@pytest.mark.parametrize(
    "aud", [[AUDIENCE], ["https://other.example.com", AUDIENCE]], ids=["one", "several"]
)
def test_token__audience_in_a_list__lets_in(provider: Provider, aud: list[str]) -> None:
    assert ask(provider.token(aud=aud)).status_code == 200


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_token__alg_none__is_refused(provider: Provider, alg: str, signature: str) -> None:
    head = b64(json.dumps({"alg": alg, "typ": "at+jwt"}).encode())
    assert_refused(f"{head}.{b64(json.dumps(provider.claims()).encode())}.{signature}")


def test_token__hmac_with_the_public_key__is_refused(provider: Provider) -> None:
    assert isinstance(provider.signer, RsaSigner)
    for secret in (provider.signer.public_pem, json.dumps(provider.signer.jwk).encode()):
        forger = HmacSigner(provider.signer.kid, secret)
        assert_refused(signed(forger, json.dumps(provider.claims())))


def test_token__hmac_with_a_published_secret__is_refused(provider: Provider) -> None:
    secret = {"kty": "oct", "kid": "shared", "k": b64(b"s" * 32)}
    provider.publish(provider.signer.jwk, secret)
    assert_refused(signed(HmacSigner("shared", b"s" * 32), json.dumps(provider.claims())))


def test_token__of_a_stranger_with_the_kid__is_refused(provider: Provider) -> None:
    assert_refused(signed(RsaSigner("one"), json.dumps(provider.claims())))


def test_token__changed_after_it_was_signed__is_refused(provider: Provider) -> None:
    head, _, signature = provider.token().split(".")
    payload = json.dumps(provider.claims(groups=["ml-leads"]))
    assert_refused(f"{head}.{b64(payload.encode())}.{signature}")


@pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c"])
def test_token__that_brings_its_key__is_refused(provider: Provider, name: str) -> None:
    forger = EcSigner("mine")
    values: dict[str, Any] = {
        "jku": f"{provider.issuer}/keys",
        "jwk": forger.jwk,
        "x5u": "https://evil.example.com/chain",
        "x5c": ["MIIB"],
    }
    header = {name: values[name]}
    assert_refused(signed(forger, json.dumps(provider.claims()), header))
    with capture_logs() as logs:  # even the right key does not heal it
        assert_refused(provider.token(header))
    assert "it brings its own key" in {entry.get("reason") for entry in logs}


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": True},
        {"crit": []},
        {"b64": False},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 7},
        {"kid": 7},
        {"kid": ["one"]},
        {"alg": "RS384"},
        {"alg": ["RS256"]},
        {"alg": 256},
    ],
    ids=str,
)
def test_token__header_not_understood__is_refused(
    provider: Provider, header: dict[str, Any]
) -> None:
    assert_refused(provider.token(header))


def test_token__kid_of_a_key_of_another_type__is_refused(provider: Provider) -> None:
    curve = EcSigner("curve")
    provider.publish(provider.signer.jwk, curve.jwk)
    assert_refused(provider.token({"kid": "curve"}))
    assert_refused(signed(curve, json.dumps(provider.claims()), {"kid": "one"}))


def test_token__by_a_key_for_encryption__is_refused(provider: Provider) -> None:
    provider.publish(provider.signer.jwk | {"use": "enc"}, RsaSigner("other").jwk)
    assert_refused(provider.token())


def test_token__only_key_is_for_encryption__cannot_be_checked(provider: Provider) -> None:
    provider.publish(provider.signer.jwk | {"use": "enc"})
    assert ask(provider.token({"kid": None})).status_code == 503


def test_token__by_a_short_rsa_key__is_refused(provider: Provider) -> None:
    provider.signer = RsaSigner("short", bits=1024)
    provider.publish(provider.signer.jwk, RsaSigner("other").jwk)
    assert_refused(provider.token())


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example.com"},
        {"iss": None},
        {"iss": ["http://127.0.0.1"]},
        {"aud": "https://other.example.com"},
        {"aud": None},
        {"aud": []},
        {"aud": {AUDIENCE: True}},
        {"aud": AUDIENCE + "/"},
        {"aud": [AUDIENCE, 7]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": ["robot-1"]},
        {"sub": "a" * 256},
        {"sub": "robot\n1"},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": [9999999999]},
        {"exp": -1},
        {"exp": 10**30},
        {"exp": 1e300},
        {"nbf": "1"},
        {"iat": "1"},
        {"at_hash": "AAAA"},
        {"c_hash": "AAAA"},
        {"events": {}},
        {"typ": "ID"},
        {"typ": "Refresh"},
    ],
    ids=str,
)
def test_token__odd_claim__is_refused(provider: Provider, changes: dict[str, Any]) -> None:
    assert_refused(provider.token(**changes))


def test_token__issuer_with_a_slash_more__is_refused(provider: Provider) -> None:
    assert_refused(provider.token(iss=provider.issuer + "/"))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_token__time_just_beyond_the_leeway__is_refused(provider: Provider, name: str) -> None:
    beyond = time.time() + (-32 if name == "exp" else 35)
    within = time.time() + (-25 if name == "exp" else 25)
    assert_refused(provider.token(**dict[str, Any]({name: beyond})))
    assert ask(provider.token(**dict[str, Any]({name: within}))).status_code == 200


def test_token__valid_for_more_than_a_day__is_refused(provider: Provider) -> None:
    assert_refused(provider.token(exp=time.time() + 86_500))
    assert ask(provider.token(exp=time.time() + 86_300)).status_code == 200


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", ["exp", "nbf"])
def test_token__time_that_is_no_number__is_refused(
    provider: Provider, name: str, value: str
) -> None:
    payload = json.dumps(provider.claims(**{name: 1234567})).replace("1234567", value)
    assert_refused(signed(provider.signer, payload))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_token__not_json_by_its_rfc__is_refused(provider: Provider, value: str) -> None:
    payload = json.dumps(provider.claims(note=1234567))
    assert ask(signed(provider.signer, payload)).status_code == 200
    assert_refused(signed(provider.signer, payload.replace("1234567", value)))


def test_token__claim_that_is_there_twice__is_refused(provider: Provider) -> None:
    payload = json.dumps(provider.claims())[:-1] + f', "aud": {json.dumps(AUDIENCE)}}}'
    assert_refused(signed(provider.signer, payload))


@pytest.mark.parametrize("payload", ["[]", "null", '"x"', "", "{", "[" * 3000, "7"])
def test_token__payload_that_is_no_object__is_refused(provider: Provider, payload: str) -> None:
    assert_refused(signed(provider.signer, payload))


def test_token__too_long__is_refused_before_it_is_read(provider: Provider) -> None:
    with capture_logs() as logs:
        assert_refused(provider.token(note="x" * 9000))
    assert {"it is too long"} <= {entry.get("reason") for entry in logs}
    assert ask(provider.token(note="x" * 4000)).status_code == 200


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "....",
        "é.é.é",
        "a.b.c.d.e",
        "eyJhbGciOiJSUzI1NiJ9..",
        "\x00",
    ],
)
def test_token__not_one_at_all__is_refused(token: str) -> None:
    assert_refused(token)


def test_token__header_nested_deeply__is_refused(provider: Provider) -> None:
    _, payload, signature = provider.token().split(".")
    assert_refused(f"{b64(b'[' * 5000)}.{payload}.{signature}"[:8000])
    assert_refused(f"{b64(b'[' * 380)}.{payload}.{signature}")


def test_token__padded_signature__is_refused(provider: Provider) -> None:
    token = provider.token()
    assert urlsafe_b64decode(token.rpartition(".")[2] + "==")
    assert_refused(token + "==")


def test_token__refused__leaves_nothing_of_it_in_the_log(provider: Provider) -> None:
    with capture_logs() as logs:
        assert_refused(provider.token(aud="https://canary.example.com", sub="canary"))
    [refused] = [entry for entry in logs if entry["event"] == "token_refused"]
    assert refused["reason"] == "InvalidClaimError: aud"
    assert "canary" not in str(logs)


def test_token__without_oidc__is_an_unknown_key(provider: Provider, override: Any) -> None:
    override(oidc={"audience": ""})
    answer = ask(provider.token())
    assert answer.status_code == 401
    assert answer.json()["detail"] == "The API key is unknown, expired or revoked."


def test_tokens__wrong_ones__are_counted_and_right_ones_go_on(
    provider: Provider, override: Any
) -> None:
    override(throttle={"wrong_keys_per_address": 3})
    client, right = APIClient(REMOTE_ADDR="203.0.113.77"), provider.token()

    def code(token: str) -> int:
        return client.get(URL, HTTP_AUTHORIZATION=f"Bearer {token}").status_code

    assert code(right) == 200
    assert [code(provider.token(aud="x", n=n)) for n in range(4)] == [401, 401, 401, 429]
    assert code(right) == 200
