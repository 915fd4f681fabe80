"""Asks the OpenID provider for its addresses and its keys."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key

from drift_detector.outbound.pinned_client import NotSent, request
from drift_detector.outbound.targets import AddressRefused

WELL_KNOWN = "/.well-known/openid-configuration"
SECONDS = 3.0
"""The longest that one question to the provider may take: a thread of web waits for it."""
MOST_BYTES = 256 * 2**10
MOST_KEYS = 64
KEY_TYPES = ("RSA", "EC", "OKP")
"""Of keys that have a public half."""
LEAST_RSA_BITS = 2048
"""NIST SP 800-131A: shorter RSA keys sign nothing any more."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ProviderAway(Exception):
    """The provider gave no answer that can be used; the message says why, without a secret."""


def read_configuration(issuer: str) -> dict[str, Any]:
    """The metadata of the issuer (OpenID Connect Discovery 1.0).

    Raises:
        ProviderAway: If there is no answer, or it is another issuer's.
    """
    configuration = _read_json(issuer.rstrip("/") + WELL_KNOWN)
    if configuration.get("issuer") != issuer:
        raise ProviderAway("the metadata names another issuer")
    return configuration


def read_keys(issuer: str) -> KeySet:
    """The keys by which the issuer signs now.

    Raises:
        ProviderAway: If there is no answer, or it has no key that can be used.
    """
    address = read_configuration(issuer).get("jwks_uri")
    if not isinstance(address, str):
        raise ProviderAway("the metadata has no jwks_uri")
    return _key_set(_read_json(address).get("keys"))


def check_address(address: str) -> None:
    """Check that an address of the provider is https, or of this machine.

    Raises:
        ProviderAway: If it is not.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ProviderAway("an address of the provider is not https")


def _read_json(address: str) -> dict[str, Any]:
    check_address(address)
    try:
        # A redirect is not followed: it would be an answer of another status.
        answer = request(
            "GET", address, seconds=SECONDS, is_operators=True, most_bytes=MOST_BYTES + 1
        )
        if answer.status != 200:
            raise ProviderAway(f"it answered with {answer.status}")
        if len(answer.text) > MOST_BYTES:
            raise ProviderAway(f"its answer has more than {MOST_BYTES} bytes")
        found = json.loads(answer.text)
    except (NotSent, AddressRefused) as error:
        raise ProviderAway(str(error)) from None
    except (ValueError, RecursionError):
        raise ProviderAway("its answer is not JSON") from None
    if not isinstance(found, dict):
        raise ProviderAway("its answer is no JSON object")
    return found


def _key_set(found: object) -> KeySet:
    listed = found[:MOST_KEYS] if isinstance(found, list) else []
    keys = [key for each in listed if (key := _key_of(each)) is not None]
    if not keys:
        raise ProviderAway("it has no key that can be used")
    return KeySet(keys)


def _key_of(found: object) -> Key | None:
    """The public key of a JWK; None for secrets, weak keys and keys that encrypt."""
    if not isinstance(found, Mapping) or found.get("use", "sig") != "sig":
        return None
    if found.get("kty") not in KEY_TYPES or _is_weak(found):
        return None
    try:
        return import_key(dict(found))
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _is_weak(found: Mapping[str, Any]) -> bool:
    """True for a short RSA key, by the length of its modulus in base64: 6 bits a character."""
    return found["kty"] == "RSA" and 6 * len(str(found.get("n", ""))) < LEAST_RSA_BITS
