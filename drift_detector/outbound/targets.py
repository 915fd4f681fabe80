"""Addresses that a tenant names and that the service requests: checked when saved, and at each request."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Thread
from typing import Any
from urllib.parse import SplitResult, urlsplit

import idna
from django.conf import settings

from drift_detector.outbound.ip_ranges import is_public

PORTS = {"https": 443, "http": 80}
LONGEST_LOOK_UP_SECONDS = 5.0
LONGEST_ADDRESS = 2000

type Resolver = Callable[[str, int], list[str]]


class AddressRefused(ValueError):
    """The service does not send to this address; the message says why, and not the address."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of an http address.

    Attributes:
        is_allowed: True if the operator allows this host, though it is internal.
        path: The path with the query.
    """

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)
    is_allowed: bool

    @property
    def host_header(self) -> str:
        """The name as a request has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(address: str, *, is_operators: bool = False) -> Target:
    """The target of an http address, by its form alone.

    Args:
        address: The address.
        is_operators: True for an address of the settings, which may be http and internal.

    Raises:
        AddressRefused: If the address is not https, or has a form that hides where it leads.
    """
    parts = _split(address)
    host, port = _host_of(parts), _port_of(parts)
    is_allowed = is_operators or _is_allowed(host, port)
    if parts.scheme == "http" and not is_allowed:
        raise AddressRefused("The address must begin with https://.")
    _check_literal(host, is_allowed=is_allowed)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path, is_allowed)


def find_ip(target: Target, resolve: Resolver | None = None) -> str:
    """The IP address to connect to; a name with any internal address is refused as a whole.

    Args:
        target: The target.
        resolve: The addresses of a host; by default the system's resolver, for a limited time.

    Raises:
        AddressRefused: If the name is unknown, or one of its addresses is not public.
    """
    addresses = (resolve or look_up)(target.host, target.port)
    if not addresses:
        raise AddressRefused("The host of the address is not known.")
    if not target.is_allowed and not all(is_public(each) for each in addresses):
        raise AddressRefused("The address must not lead into an internal network.")
    return addresses[0]


def look_up(host: str, port: int) -> list[str]:
    """The IP addresses of a host by the system's resolver; none if it does not answer in time."""
    found: list[str] = []
    # The resolver has no time limit of its own.
    thread = Thread(target=_look_up_into, args=(found, host, port), daemon=True)
    thread.start()
    thread.join(LONGEST_LOOK_UP_SECONDS)
    return [] if thread.is_alive() else found


def _look_up_into(found: list[str], host: str, port: int) -> None:
    try:
        infos: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    found += dict.fromkeys(str(info[4][0]) for info in infos)


def _split(address: str) -> SplitResult:
    if len(address) > LONGEST_ADDRESS or not address.isprintable() or " " in address:
        raise AddressRefused(
            f"The address must have at most {LONGEST_ADDRESS} printable characters, and no space."
        )
    if "\\" in address or not address.isascii():
        raise AddressRefused("The address must be of ASCII characters, without a backslash.")
    try:
        parts = urlsplit(address)
    except ValueError:
        raise AddressRefused("The address is not a URL.") from None
    if parts.scheme not in PORTS:
        raise AddressRefused("The address must begin with https://.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("The address must not hold a user or a password.")
    return parts


def _host_of(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".").lower()
    if not host:
        raise AddressRefused("The address needs a host.")
    if _is_ip(host):
        return host
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise AddressRefused("The host of the address is not a valid name.") from None


def _port_of(parts: SplitResult) -> int:
    try:
        return parts.port or PORTS[parts.scheme]
    except ValueError:
        raise AddressRefused("The port of the address must be from 1 to 65535.") from None


def _is_allowed(host: str, port: int) -> bool:
    allowed = {each.lower() for each in settings.ENV.notifier.allowed_hosts}
    return host in allowed or f"{host}:{port}" in allowed


def _check_literal(host: str, *, is_allowed: bool) -> None:
    if _is_ip(host) and not is_allowed and not is_public(host):
        raise AddressRefused("The address must not lead into an internal network.")


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
