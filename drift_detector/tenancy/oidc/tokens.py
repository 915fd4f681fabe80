"""Checks the signed tokens of the OpenID provider."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, KeySet
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from drift_detector.setting_groups.door_settings import Oidc

LONGEST_TOKEN = 8 * 2**10
"""Characters; a token is read only below that. Headers of requests have a bound of their own."""
LONGEST_SUBJECT = 255
"""Characters of `sub` (OpenID Connect Core 1.0, section 2)."""
FOREIGN_KEYS = frozenset({"jku", "jwk", "x5u", "x5c"})
"""Headers by which a token brings its own key, or says where one is."""
NOT_UNDERSTOOD = frozenset({"crit", "b64", "zip", "enc"})
ACCESS_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""Values of the header `typ`: RFC 9068, and those from before it."""
OF_OTHER_TOKENS = frozenset({"at_hash", "c_hash", "events"})
"""Claims that tokens of a sign-in and of a sign-out have, and tokens for an API do not."""

type Claims = dict[str, Any]
type KeysFor = Callable[[object], KeySet]


class TokenRefused(Exception):
    """A token is not valid; the message is for the log, and has nothing of the token in it."""


class _StrictDecoder(json.JSONDecoder):
    """Reads JSON by RFC 8259: no NaN, no Infinity, and no name twice in an object."""

    def __init__(self) -> None:
        super().__init__(parse_constant=_refuse_constant, object_pairs_hook=_object_of)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def checked_access_token(token: str, *, oidc: Oidc, keys_for: KeysFor) -> Claims:
    """The claims of a token for the API.

    Args:
        token: The token, as it came.
        oidc: The settings.
        keys_for: Returns the provider's keys, for the id of the key that a token names.

    Raises:
        TokenRefused: If the token is not valid now, here.
        ProviderAway: If there are no keys to check it with.
    """
    claims = checked_claims(token, oidc=oidc, audience=oidc.audience, keys_for=keys_for)
    if OF_OTHER_TOKENS & claims.keys() or claims.get("typ", "Bearer") != "Bearer":
        raise TokenRefused("it is no token for an API")
    if claims["exp"] > time.time() + oidc.max_token_seconds:
        raise TokenRefused("it is valid for too long")
    return claims


def checked_claims(token: str, *, oidc: Oidc, audience: str, keys_for: KeysFor) -> Claims:
    """The claims of any token of the provider, once its signature, its audience and its times are checked.

    Raises:
        TokenRefused: If the token is not valid now, here.
        ProviderAway: If there are no keys to check it with.
    """
    if len(token) > LONGEST_TOKEN:
        raise TokenRefused("it is too long")
    registry = JWSRegistry(algorithms=oidc.algorithms, strict_check_header=False)

    def key_of(signed: GuestProtocol) -> KeySet:
        return keys_for(_checked_kid(signed.headers()))

    try:
        found = jwt.decode(token, key_of, registry=registry, decoder_cls=_StrictDecoder)
        _check_claims(found.claims, oidc, audience)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused(_reason(error)) from None
    return found.claims


def _checked_kid(headers: Mapping[str, Any]) -> str | None:
    """The id of the key that a token names; the library has checked its algorithm and its form before."""
    if FOREIGN_KEYS & headers.keys():
        raise TokenRefused("it brings its own key")
    if NOT_UNDERSTOOD & headers.keys():
        raise TokenRefused("it needs what is not understood")
    if str(headers.get("typ", "JWT")).lower() not in ACCESS_TYPES:
        raise TokenRefused("it is of another type")
    return headers.get("kid")


def _check_claims(claims: Claims, oidc: Oidc, audience: str) -> None:
    JWTClaimsRegistry(
        leeway=oidc.leeway_seconds,
        iss={"essential": True, "value": oidc.issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
    ).validate(claims)
    if len(claims["sub"]) > LONGEST_SUBJECT or not claims["sub"].isprintable():
        raise TokenRefused("its subject is too long, or not printable")


def _reason(error: Exception) -> str:
    """The sort of a failure; the messages of the library can hold parts of a token."""
    claim = getattr(error, "claim", "")
    name = type(error).__name__
    return f"{name}: {claim}" if isinstance(claim, str) and claim else name
