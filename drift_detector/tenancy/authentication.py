"""Authenticates requests by an API key or by a session of the admin."""

from hashlib import sha256
from typing import NoReturn

import structlog
from django.db import transaction
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from drift_detector.observability.key_masks import KEY_PREFIX, SHOWN
from drift_detector.observability.metrics import count_refused_sign_in
from drift_detector.tenancy.acting import acting_as, cause_of_request, note
from drift_detector.tenancy.key_use import note_use
from drift_detector.tenancy.models import ApiKey, KeyState, Role, User
from drift_detector.tenancy.principal import Actor, ActorKind, Principal
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import set_local, tenant_scope
from drift_detector.tenancy.selection import membership_of_request
from drift_detector.throttling import known_keys
from drift_detector.throttling.addresses import client_address
from drift_detector.throttling.request_throttle import (
    charge,
    refuse_after_wrong_keys,
    wrong_keys_of,
)

log = structlog.get_logger(__name__)

ENDED = (KeyState.REVOKED, KeyState.EXPIRED)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer adk_…`"""

    def authenticate(self, request: Request) -> tuple[Principal, ApiKey] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = _checked_key(request, token.strip())
        note_use(key, client_address(request._request))
        actor = Actor(ActorKind.KEY, id=str(key.id), name=key.name)
        return Principal(key.tenant_id, scopes=key.granted, actor=actor), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class TenantSessionAuthentication(SessionAuthentication):
    """The admin's session, so that its links into the API work; unsafe methods need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        authenticated = super().authenticate(request)
        membership = membership_of_request(request._request) if authenticated else None
        if membership is None:
            return None
        actor = actor_of(membership.user)
        scopes = SCOPES[Role(membership.role)]
        return Principal(membership.tenant_id, scopes=scopes, actor=actor), None


def actor_of(user: User) -> Actor:
    """A person as the one who changes something."""
    return Actor(ActorKind.USER, id=str(user.pk), name=user.get_username())


def digest(key: str) -> str:
    """The form in which a key is stored; keys are 256 random bits, so a plain SHA-256 is enough."""
    return sha256(key.encode()).hexdigest()


def _checked_key(request: Request, token: str) -> ApiKey:
    """The key of a token.

    Raises:
        AuthenticationFailed: If there is none.
        Throttled: If too many wrong keys have come from the address; a key that was right lately is not stopped by it.
    """
    sha256_of_key = digest(token)
    if not known_keys.is_known(sha256_of_key):
        refuse_after_wrong_keys(request)
    key = _find_key(sha256_of_key) if token.startswith(KEY_PREFIX) else None
    if key is None or key.state in ENDED:
        known_keys.forget(sha256_of_key)
        if key is not None:
            _record_ended(request, key)
        _refuse(request, token)
    known_keys.remember(sha256_of_key)
    return key


def _refuse(request: Request, token: str) -> NoReturn:
    charge(request, wrong_keys_of(request), (request.parser_context or {}).get("view"))
    count_refused_sign_in("key")
    prefix = token[:SHOWN] if token.startswith(KEY_PREFIX) else ""
    log.warning("api_key_refused", prefix=prefix, address=client_address(request._request))
    raise AuthenticationFailed("The API key is unknown, expired or revoked.")


def _record_ended(request: Request, key: ApiKey) -> None:
    """Write into the trail of its tenant that a key was used which has ended."""
    actor = Actor(ActorKind.KEY, id=str(key.id), name=key.name)
    with acting_as(cause_of_request(actor, request._request)), tenant_scope(key.tenant_id):
        note("refused", "api_keys", str(key.id))


def _find_key(sha256_of_key: str) -> ApiKey | None:
    with transaction.atomic():
        # The tenant is not known yet: policy api_key_presented shows only the key of this hash.
        set_local("app.api_key_sha256", sha256_of_key)
        key = ApiKey.objects.filter(sha256=sha256_of_key).first()
        set_local("app.api_key_sha256", "")
    return key
