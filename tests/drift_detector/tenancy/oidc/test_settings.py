"""The settings of the provider, as a process meets them at its start."""

import json

import pytest

from tests.drift_detector.test_env import refusal, start

ISSUER, AUDIENCE = "AUMOS_DRIFT_OIDC__ISSUER", "AUMOS_DRIFT_OIDC__AUDIENCE"
RIGHT = {ISSUER: "https://id.example.com/realms/drift", AUDIENCE: "drift-api"}


@pytest.mark.parametrize(
    "issuer", ["https://id.example.com/", "http://localhost:8080/realms/x", "http://127.0.0.1:9"]
)
def test_oidc__right__starts(issuer: str) -> None:
    groups = json.dumps({"ml": [{"tenant": "acme", "role": "operator"}]})
    process = start(**RIGHT | {ISSUER: issuer, "AUMOS_DRIFT_OIDC__GROUPS": groups})
    loaded = json.loads(process.stdout)["oidc"]
    assert loaded["issuer"] == issuer
    assert loaded["groups"] == {"ml": [{"tenant": "acme", "role": "operator"}]}


@pytest.mark.parametrize(
    "issuer",
    ["http://id.example.com", "id.example.com", "https://a:b@id.example.com", "https://id/?x=1"],
)
def test_oidc__issuer_without_tls_or_odd__is_refused(issuer: str) -> None:
    [sentence] = refusal(**RIGHT | {ISSUER: issuer})
    assert sentence.startswith(f"{ISSUER} is wrong")


@pytest.mark.parametrize("algorithms", ['["none"]', '["HS256"]', '["RS256", "HS512"]', "[]"])
def test_oidc__algorithm_with_a_shared_secret__is_refused(algorithms: str) -> None:
    sentences = refusal(**RIGHT, AUMOS_DRIFT_OIDC__ALGORITHMS=algorithms)
    assert all(each.startswith("AUMOS_DRIFT_OIDC__ALGORITHMS is wrong") for each in sentences)


@pytest.mark.parametrize(
    "groups",
    [
        '{"ml": [{"tenant": "acme", "role": "owner"}]}',
        '{"ml": [{"tenant": "../acme", "role": "viewer"}]}',
        '{"ml": {"tenant": "acme", "role": "viewer"}}',
        '["ml"]',
        "{",
    ],
)
def test_oidc__mapping_of_another_form__is_refused(groups: str) -> None:
    sentences = refusal(**RIGHT, AUMOS_DRIFT_OIDC__GROUPS=groups)
    assert all("AUMOS_DRIFT_OIDC__GROUPS" in each for each in sentences)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({ISSUER: None}, "the other settings need ISSUER"),
        ({AUDIENCE: None}, "ISSUER needs AUDIENCE for the API, CLIENT_ID for the admin, or both"),
        (
            {"AUMOS_DRIFT_OIDC__CLIENT_ID": "drift-api"},
            "AUDIENCE must differ from CLIENT_ID: a token of a sign-in is none for the API",
        ),
    ],
)
def test_oidc__settings_that_do_not_fit__are_named(
    changes: dict[str, str | None], reason: str
) -> None:
    assert refusal(**RIGHT | changes) == [f"AUMOS_DRIFT_OIDC is wrong: {reason}."]


def test_oidc__wrong__tells_no_secret() -> None:
    secret = {"AUMOS_DRIFT_OIDC__CLIENT_SECRET": "hunter2", "AUMOS_DRIFT_OIDC__CLIENT_ID": "x"}
    assert "hunter2" not in "".join(refusal(**secret))


def test_sign_in__closed_on_all_ways__is_refused() -> None:
    sentences = refusal(AUMOS_DRIFT_SIGN_IN__PASSWORDS="false")
    assert sentences == ["AUMOS_DRIFT_SIGN_IN__PASSWORDS=false needs AUMOS_DRIFT_OIDC__CLIENT_ID."]
