"""Finds the address that a request comes from, behind proxies too."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"
IPV6_HOST_BITS = 64
"""A network of IPv6 that one customer gets (RFC 6177); its addresses are for one to choose."""


def client_address(request: HttpRequest) -> str:
    """The address by which a request is counted: of IPv6, the network of 64 bits.

    `X-Forwarded-For` is believed as far as the trusted proxies wrote it: each appends the address that it saw, so with
    two of them the second entry from the right is the client's. What stands left of it came from the client.
    """
    proxies = settings.ENV.throttle.trusted_proxies
    address = str(request.META.get("REMOTE_ADDR", ""))
    if proxies:
        header = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
        forwarded = [each for each in header.split(",") if each.strip()]
        address = forwarded[-proxies] if len(forwarded) >= proxies else address
    return _subject_of(address.strip())


def _subject_of(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, IPV6_HOST_BITS), strict=False))
