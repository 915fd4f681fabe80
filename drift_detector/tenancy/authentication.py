"""Authenticates requests by an API key or by a session of the admin."""

from hashlib import sha256

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from drift_detector.tenancy.models import ApiKey, Role
from drift_detector.tenancy.principal import Principal
from drift_detector.tenancy.scope import set_local
from drift_detector.tenancy.selection import membership_of_request

KEY_PREFIX = "adk_"


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer adk_…`"""

    def authenticate(self, request: Request) -> tuple[Principal, ApiKey] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = _find_key(token.strip())
        if key is None:
            raise AuthenticationFailed("The API key is unknown, expired or revoked.")
        return Principal(tenant_id=key.tenant_id, role=Role(key.role), name=f"key:{key.name}"), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class TenantSessionAuthentication(SessionAuthentication):
    """The admin's session, so that its links into the API work; unsafe methods need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        authenticated = super().authenticate(request)
        membership = membership_of_request(request._request) if authenticated else None
        if membership is None:
            return None
        name = f"user:{membership.user.get_username()}"
        role = Role(membership.role)
        return Principal(tenant_id=membership.tenant_id, role=role, name=name), None


def digest(key: str) -> str:
    """The form in which a key is stored; keys are 256 random bits, so a plain SHA-256 is enough."""
    return sha256(key.encode()).hexdigest()


def _find_key(token: str) -> ApiKey | None:
    if not token.startswith(KEY_PREFIX):
        return None
    is_current = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    usable = is_current & Q(revoked_at__isnull=True)
    sha256_of_key = digest(token)
    with transaction.atomic():
        # The tenant is not known yet: policy api_key_presented shows only the key of this hash.
        set_local("app.api_key_sha256", sha256_of_key)
        key = ApiKey.objects.filter(usable, sha256=sha256_of_key).first()
        set_local("app.api_key_sha256", "")
    return key
