"""The IP addresses that requests of the service to the outside may go to."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

REFUSED_NETWORKS = tuple(
    ip_network(network)
    for network in (
        # Forms of IPv6 that lead to an IPv4 address, which may be an internal one.
        "::ffff:0:0/96",  # IPv4-mapped, RFC 4291
        "::/96",  # IPv4-compatible, RFC 4291
        "64:ff9b::/96",  # NAT64, RFC 6052
        "64:ff9b:1::/48",  # NAT64 of a network's own, RFC 8215
        "2002::/16",  # 6to4, RFC 3056
        "2001::/32",  # Teredo, RFC 4380
        "192.88.99.0/24",  # relays of 6to4, RFC 7526
        "fec0::/10",  # site-local, RFC 3879
        # Clouds answer with the credentials of the machine here, and some outside 169.254.0.0/16.
        "168.63.129.16/32",
    )
)


def is_public(address: str) -> bool:
    """True for an address of the public internet.

    Private, loopback, link-local, shared (CGNAT), multicast, reserved and unspecified addresses are
    not public, by IANA's registries as Python has them, nor are forms of IPv6 that hold an IPv4 address.
    """
    ip = ip_address(address)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not _is_refused(ip)


def _is_refused(ip: IPv4Address | IPv6Address) -> bool:
    return any(ip in network for network in REFUSED_NETWORKS if network.version == ip.version)
