"""Authenticates requests by a token of the OpenID provider."""

from hashlib import sha256
from typing import Any, NoReturn

import structlog
from django.conf import settings
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    PermissionDenied,
    ValidationError,
)
from rest_framework.request import Request

from drift_detector.observability.key_masks import KEY_PREFIX
from drift_detector.observability.metrics import count_refused_sign_in
from drift_detector.setting_groups.door_settings import Oidc
from drift_detector.tenancy.models import Role
from drift_detector.tenancy.oidc.discovery import ProviderAway
from drift_detector.tenancy.oidc.grants import narrowed, roles_of
from drift_detector.tenancy.oidc.people import is_closed
from drift_detector.tenancy.oidc.signing_keys import REST_SECONDS, provider_keys
from drift_detector.tenancy.oidc.tokens import Claims, TokenRefused, checked_access_token
from drift_detector.tenancy.principal import Actor, ActorKind, Principal
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.selection import tenant_named
from drift_detector.throttling import known_keys
from drift_detector.throttling.addresses import client_address
from drift_detector.throttling.request_throttle import (
    charge,
    refuse_after_wrong_keys,
    wrong_keys_of,
)

log = structlog.get_logger(__name__)

TENANT_HEADER = "Drift-Tenant"
"""Names the tenant by its slug, where a token has roles in several."""
LONGEST_NAME = 100
NAMES = ("preferred_username", "client_id", "azp", "sub")
"""The claims that people know a caller by, the first one that is there."""


class ProviderUnreachable(APIException):
    """The provider's keys are not there, so no token can be checked."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "provider_away"
    default_detail = "The identity provider does not answer, so tokens cannot be checked."
    wait = REST_SECONDS


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer …` with a token of the OpenID provider, for all that does not begin as a key does."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        oidc: Oidc = settings.ENV.oidc
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        is_key = not token or token.startswith(KEY_PREFIX)
        if scheme.lower() != "bearer" or is_key or not oidc.takes_tokens:
            return None
        return _principal_of(request, _checked(request, token, oidc), oidc), None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _checked(request: Request, token: str, oidc: Oidc) -> Claims:
    """The claims of a token.

    Raises:
        AuthenticationFailed: If it is not valid.
        ProviderUnreachable: If it cannot be checked.
        Throttled: If too many wrong ones have come from the address; one that was right lately is not stopped by it.
    """
    digest = sha256(token.encode(errors="replace")).hexdigest()
    if not known_keys.is_known(digest):
        refuse_after_wrong_keys(request)
    try:
        keys = provider_keys(oidc.issuer, oidc.keys_seconds, oidc.keys_seconds_away)
        claims = checked_access_token(token, oidc=oidc, keys_for=keys.for_kid)
    except TokenRefused as error:
        known_keys.forget(digest)
        _refuse(request, str(error))
    except ProviderAway:
        raise ProviderUnreachable from None
    if is_closed(oidc.issuer, claims["sub"]):
        known_keys.forget(digest)
        _refuse(request, "the account of its subject is closed")
    known_keys.remember(digest)
    return claims


def _refuse(request: Request, reason: str) -> NoReturn:
    charge(request, wrong_keys_of(request), (request.parser_context or {}).get("view"))
    count_refused_sign_in("token")
    log.warning("token_refused", reason=reason, address=client_address(request._request))
    raise AuthenticationFailed("The token is not valid.")


def _principal_of(request: Request, claims: Claims, oidc: Oidc) -> Principal:
    roles = roles_of(claims, oidc)
    slug = _chosen(request.headers.get(TENANT_HEADER, ""), roles)
    tenant = tenant_named(slug) if slug in roles else None
    if tenant is None:
        raise PermissionDenied("The token has no role in this tenant.")
    scopes = narrowed(SCOPES[roles[slug]], claims)
    return Principal(tenant.id, scopes=scopes, actor=_actor_of(claims))


def _chosen(named: str, roles: dict[str, Role]) -> str:
    """The slug of the tenant that the request is for.

    Raises:
        PermissionDenied: If the token has no role at all.
        ValidationError: If it has several and the request names none.
    """
    if not roles:
        raise PermissionDenied("The token has no role in any tenant.")
    if named:
        return named
    if len(roles) > 1:
        slugs = ", ".join(sorted(roles))
        raise ValidationError(
            {TENANT_HEADER: f"The header must name one of your tenants: {slugs}."}
        )
    return next(iter(roles))


def _actor_of(claims: Claims) -> Actor:
    names: list[Any] = [claims.get(each) for each in NAMES]
    name = next(each for each in names if isinstance(each, str) and each.strip())
    shown = "".join(each for each in name if each.isprintable()).strip()[:LONGEST_NAME]
    return Actor(ActorKind.TOKEN, id=claims["sub"], name=shown or "?")
