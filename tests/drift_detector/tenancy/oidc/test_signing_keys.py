"""The keys of the provider over time: they are kept, they change, the provider goes away."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from drift_detector.tenancy.oidc import discovery, signing_keys
from drift_detector.tenancy.oidc.discovery import ProviderAway, read_keys
from drift_detector.tenancy.oidc.signing_keys import ProviderKeys
from tests.drift_detector.tenancy.oidc.provider import Provider, RsaSigner
from tests.drift_detector.tenancy.oidc.test_tokens import ask


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(provider: Provider, clock: Clock) -> ProviderKeys:
    return ProviderKeys(provider.issuer, seconds=600, seconds_away=3600, clock=clock)


def kids(kept: ProviderKeys, kid: str | None = "one") -> set[str | None]:
    return {each.kid for each in kept.for_kid(kid)}


def asked_during(provider: Provider, act: Callable[[], object]) -> int:
    before = provider.asked
    act()
    return provider.asked - before


def test_keys__known_kid__are_asked_for_once(provider: Provider, kept: ProviderKeys) -> None:
    assert asked_during(provider, lambda: [kept.for_kid("one") for _ in range(20)]) == 1


def test_keys__made_up_kids__cannot_hammer_the_provider(
    provider: Provider, kept: ProviderKeys, clock: Clock
) -> None:
    kept.for_kid("one")
    assert asked_during(provider, lambda: [kept.for_kid(f"x{n}") for n in range(50)]) == 0
    clock.now += signing_keys.REST_SECONDS
    assert asked_during(provider, lambda: [kept.for_kid(f"y{n}") for n in range(50)]) == 1


def test_keys__rotated__are_found_by_their_new_kid(
    provider: Provider, kept: ProviderKeys, clock: Clock
) -> None:
    kept.for_kid("one")
    provider.publish(RsaSigner("two").jwk)
    clock.now += signing_keys.REST_SECONDS
    assert kids(kept, "two") == {"two"}


def test_keys__withdrawn__are_gone_once_they_are_old(
    provider: Provider, kept: ProviderKeys, clock: Clock
) -> None:
    kept.for_kid("one")
    provider.publish(RsaSigner("two").jwk)
    clock.now += 599
    assert kids(kept) == {"one"}
    clock.now += 1
    assert kids(kept) == {"two"}


def test_keys__slow_provider__holds_one_thread_only(
    provider: Provider, kept: ProviderKeys, clock: Clock
) -> None:
    kept.for_kid("one")
    asked = provider.asked
    clock.now += 600
    provider.behave(delay=2)
    with ThreadPoolExecutor(6) as pool:
        done = as_completed([pool.submit(kept.for_kid, "one") for _ in range(6)])
        for _ in range(5):
            next(done).result()
        assert provider.asked == asked  # the sixth still waits for the metadata
        next(done).result()
    assert provider.asked == asked + 1


def test_keys__provider_away__go_on_for_the_stated_time(
    provider: Provider, kept: ProviderKeys, clock: Clock
) -> None:
    kept.for_kid("one")
    provider.behave(status=503)
    clock.now += 600 + 3599
    assert kids(kept) == {"one"}
    clock.now += 1
    with pytest.raises(ProviderAway, match="too old"):
        kept.for_kid("one")


def test_keys__provider_away_from_the_start__are_asked_for_rarely(
    provider: Provider, kept: ProviderKeys, clock: Clock
) -> None:
    provider.behave(status=503)

    def ask_often() -> None:
        for _ in range(10):
            with pytest.raises(ProviderAway):
                kept.for_kid("one")

    before = provider.state_file.with_suffix(".log").read_text().count("\n")
    ask_often()
    assert provider.state_file.with_suffix(".log").read_text().count("\n") == before + 1
    provider.behave(status=200)
    clock.now += signing_keys.REST_SECONDS
    assert kids(kept) == {"one"}


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, "302"),
        ({"status": 500}, "500"),
        ({"delay": 5}, "no answer within"),
    ],
    ids=str,
)
def test_read_keys__provider_that_misbehaves__is_away(
    provider: Provider, behaviour: dict[str, object], reason: str
) -> None:
    provider.behave(**behaviour)
    with pytest.raises(ProviderAway, match=reason):
        read_keys(provider.issuer)


@pytest.mark.parametrize(
    ("configuration", "reason"),
    [
        ({"issuer": "https://evil.example.com"}, "another issuer"),
        ({"jwks_uri": "http://keys.example.com/keys"}, "not https"),
        ({"jwks_uri": "file:///etc/passwd"}, "not https"),
        ({"jwks_uri": 7}, "no jwks_uri"),
    ],
    ids=str,
)
def test_read_keys__metadata_that_lead_elsewhere__are_refused(
    provider: Provider, configuration: dict[str, object], reason: str
) -> None:
    answers = provider.state["answers"]
    answers["/.well-known/openid-configuration"] |= configuration
    provider.behave(answers=answers)
    with pytest.raises(ProviderAway, match=reason):
        read_keys(provider.issuer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("x" * (discovery.MOST_BYTES + 1), "more than"),
        ("[" * 100_000, "not JSON"),
        ("<html>", "not JSON"),
        ([], "no JSON object"),
        ({"keys": []}, "no key"),
        ({"keys": {"kid": "one"}}, "no key"),
        (
            {"keys": [7, None, "x", {"kty": "RSA"}, {"kty": 7}, {"kty": "oct", "k": "c2VjcmV0"}]},
            "no key",
        ),
    ],
    ids=["long", "deep", "page", "list", "empty", "object", "odd"],
)
def test_read_keys__odd_answer__is_refused(provider: Provider, answer: object, reason: str) -> None:
    provider.behave(answers=provider.state["answers"] | {"/keys": answer})
    with pytest.raises(ProviderAway, match=reason):
        read_keys(provider.issuer)


def test_token__provider_away__is_503_and_not_counted_as_wrong(
    provider: Provider, trusting: None, override: Callable[..., None]
) -> None:
    override(throttle={"wrong_keys_per_address": 1})
    provider.behave(status=503)
    answers = [ask(provider.token(n=n)) for n in range(3)]
    assert [each.status_code for each in answers] == [503] * 3
    assert answers[0]["Retry-After"] == "30"
    assert "identity provider" in json.loads(answers[0].content)["detail"]
