"""Every kind of channel, by the same questions."""

from collections.abc import Callable

import pytest

from alerts.channels.channel_kind import NotAnAddress, Topic
from alerts.channels.channel_registry import CHANNEL_KINDS
from tests.alerts.channels.messages import ADDRESSES

APPRISE = sorted(CHANNEL_KINDS.keys() - {"webhook", "email"})
EVERY_KIND = pytest.mark.parametrize("name", CHANNEL_KINDS)


@pytest.fixture(autouse=True)
def mail_server(override: Callable[..., None]) -> None:
    override(smtp={"host": "127.0.0.1", "sender": "drift@example.com"})


@EVERY_KIND
def test_kind__right_address__is_taken_and_shown_without_its_secrets(name: str) -> None:
    kind = CHANNEL_KINDS[name]
    address = kind.check(ADDRESSES[name])
    shown = kind.shown(address)
    assert "…" in shown
    secrets = (
        "s3cr3t",
        "TIiajkdn",
        "KODueb",
        "JHMHI",
        "abcdefg",
        "TOKEN",
        "APIKEY",
        "a8k3",
        "ops@",
    )
    assert not [secret for secret in secrets if secret in shown]


@EVERY_KIND
@pytest.mark.parametrize(
    "address", ["", "x", "slack", "json://10.0.0.1", "file:///etc/passwd", "http://10.0.0.1"]
)
def test_kind__address_of_another_kind__is_refused(name: str, address: str) -> None:
    with pytest.raises(NotAnAddress):
        CHANNEL_KINDS[name].check(address)


@pytest.mark.parametrize("name", APPRISE)
@pytest.mark.parametrize(
    "option",
    ["verify=no", "redirect=yes", "overflow=split", "format=html", "template=/etc/passwd", "cto=1000", "rto=1000",
     "retry=9", "avatar_url=https://evil.example.com", "image=yes", "%2BX-Header=1", "+X-Header=1", ":a=b", "-a=b"],
)  # fmt: skip
def test_kind__option_that_is_not_listed__is_refused(name: str, option: str) -> None:
    joined = "&" if "?" in ADDRESSES[name] else "?"
    with pytest.raises(NotAnAddress, match="option") as refusal:
        CHANNEL_KINDS[name].check(f"{ADDRESSES[name]}{joined}{option}")
    assert "APIKEY" not in str(refusal.value)


@pytest.mark.parametrize("name", APPRISE)
def test_kind__plugin__verifies_and_follows_no_redirect(name: str) -> None:
    kind = CHANNEL_KINDS[name]
    plugin = kind._create(ADDRESSES[name], {})  # type: ignore[attr-defined]
    assert (plugin.verify_certificate, plugin.redirects, plugin.retry) == (True, False, 0)


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "evil.example.com",
        "logic.azure.com.evil.io",
        "x.powerplatform.evil.io",
        "a.logic.azure.com:8080",
    ],
)
def test_msteams__foreign_host__is_refused(host: str) -> None:
    for address in (
        f"workflows://{host}/643e69/KODueb",
        f"https://{host}/workflows/643e69/triggers/manual/paths/invoke?sig=K",
    ):
        with pytest.raises(NotAnAddress):
            CHANNEL_KINDS["msteams"].check(address)


@EVERY_KIND
def test_kind__of_every_name__hears_the_end_of_an_alert(name: str) -> None:
    assert {Topic.RAISED, Topic.RESOLVED, Topic.SUMMARY, Topic.TEST} <= CHANNEL_KINDS[name].hears
