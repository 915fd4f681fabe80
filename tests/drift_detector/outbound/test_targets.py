"""Addresses of tenants, by their form and by where their names lead."""

from collections.abc import Callable

import pytest

from drift_detector.outbound.ip_ranges import is_public
from drift_detector.outbound.targets import AddressRefused, find_ip, look_up, parse_target

INTERNAL = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "192.0.2.1", "198.18.0.1", "168.63.129.16", "192.88.99.1", "240.0.0.1", "::1", "::", "fe80::1",
    "fc00::1", "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1", "2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
    "fd00:ec2::254",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700::6810:84e5", "2a00:1450:4001:81b::200e"]


@pytest.mark.parametrize("address", INTERNAL)
def test_is_public__internal_and_embedding_addresses__are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_is_public__addresses_of_the_internet__are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://hooks.example.com/x", "https"),
        ("ftp://hooks.example.com/x", "https"),
        ("file:///etc/passwd", "https"),
        ("//hooks.example.com/x", "https"),
        ("https:///x", "host"),
        ("https://user:secret@hooks.example.com/x", "user"),
        ("https://hooks.example.com@10.0.0.1/x", "user"),
        ("https://hooks.example.com\\@10.0.0.1/x", "backslash"),
        ("https://10.0.0.1/x", "internal"),
        ("https://[::ffff:10.0.0.1]/x", "internal"),
        ("https://[::1]/x", "internal"),
        ("https://hooks.example.com:99999/x", "port"),
        ("https://hooks.example.com/\r\nHost: x", "printable"),
        ("https://hooks example.com/x", "space"),
        ("https://" + "a" * 3000, "2000"),
        ("https://ｌｏｃａｌｈｏｓｔ/x", "ASCII"),
        ("https://[::1/x", "URL"),
    ],
)
def test_parse_target__form_that_is_refused__is_named(address: str, reason: str) -> None:
    with pytest.raises(AddressRefused, match=reason) as refusal:
        parse_target(address)
    assert "secret" not in str(refusal.value)


def test_parse_target__parts__are_those_of_the_url() -> None:
    target = parse_target("https://Hooks.Example.com.:8443/a/b?c=d#e")
    assert (target.host, target.port, target.path) == ("hooks.example.com", 8443, "/a/b?c=d")
    assert target.host_header == "hooks.example.com:8443"
    assert "/a/b" not in repr(target)


def test_parse_target__host_that_the_operator_allows__may_be_http(
    override: Callable[..., None],
) -> None:
    override(notifier={"allowed_hosts": ["127.0.0.1:9000"]})
    assert find_ip(parse_target("http://127.0.0.1:9000/x")) == "127.0.0.1"
    with pytest.raises(AddressRefused):
        parse_target("http://127.0.0.1:9001/x")


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "017700000001"])
def test_find_ip__other_spellings_of_loopback__are_refused(host: str) -> None:
    with pytest.raises(AddressRefused, match="internal"):
        find_ip(parse_target(f"https://{host}/x"))


@pytest.mark.parametrize("inner", INTERNAL)
def test_find_ip__name_with_one_internal_address__is_refused(inner: str) -> None:
    with pytest.raises(AddressRefused, match="internal"):
        find_ip(parse_target("https://hooks.example.com/x"), lambda host, port: ["8.8.8.8", inner])


def test_find_ip__name_of_nothing__is_refused() -> None:
    with pytest.raises(AddressRefused, match="not known"):
        find_ip(parse_target("https://hooks.example.com/x"), lambda host, port: [])


def test_look_up__name_that_cannot_exist__has_no_address() -> None:
    assert look_up("nothing.invalid", 443) == []
