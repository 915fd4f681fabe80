"""The limits of requests: per API key or person, per tenant, and per address without either."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, NoReturn

from django.conf import settings
from django.http import HttpRequest
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from drift_detector.observability.metrics import count_throttled
from drift_detector.tenancy.principal import Principal
from drift_detector.throttling.addresses import client_address
from drift_detector.throttling.counters import counters
from drift_detector.throttling.policies import Charge, Policy, Standing

if TYPE_CHECKING:  # DRF imports this module while it makes APIView
    from rest_framework.views import APIView

MINUTE = 60
OF_WHOM = {
    "key": "of this key",
    "tenant": "of this tenant",
    "address": "from this address",
    "wrong-keys": "with a wrong key from this address",
}


class Throttled(APIException):
    """A limit has no room for the request; DRF makes `Retry-After` of `wait`."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "throttled"

    def __init__(self, detail: str, wait: int) -> None:
        super().__init__(detail)
        self.wait = wait


class RequestThrottle(BaseThrottle):
    """Counts each request once, by all limits that it falls under, and states them in the answer's headers."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the request.

        Raises:
            Throttled: If a limit has no room for it.
        """
        charge(request, _charges(request), view)
        return True


def charge(request: Request, charges: Sequence[Charge], view: "APIView | None") -> None:
    """Count a request, and state the limits in the headers of its answer.

    Raises:
        Throttled: If one has no room for it.
    """
    has_room, standings = counters().count(charges)
    _state(view, standings)
    if not has_room:
        refuse(standings)


def refuse(standings: Sequence[Standing]) -> NoReturn:
    """Refuse a request by the limit that has room last.

    Raises:
        Throttled: Always.
    """
    tightest = max(standings, key=lambda each: each.retry_after)
    policy, wait = tightest.policy, tightest.retry_after
    count_throttled(policy.name)
    limit = f"{policy.quota} requests {OF_WHOM[policy.name]} in {policy.window} seconds are allowed"
    raise Throttled(f"{limit}; the next one in {wait} seconds.", wait)


def rate_headers(standings: Sequence[Standing]) -> dict[str, str]:
    """The header fields of draft-ietf-httpapi-ratelimit-headers-11."""
    policies = [
        f'"{each.policy.name}";q={each.policy.quota};w={each.policy.window}' for each in standings
    ]
    limits = [f'"{each.policy.name}";r={each.remaining};t={each.reset}' for each in standings]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(limits)}


def wrong_keys_of(request: Request) -> list[Charge]:
    """The limit of wrong keys from an address."""
    quota = settings.ENV.throttle.wrong_keys_per_address
    return [Charge(Policy("wrong-keys", quota, MINUTE), client_address(_django(request)))]


def refuse_after_wrong_keys(request: Request) -> None:
    """Refuse a request, without counting it, after many wrong keys or tokens from its address.

    Raises:
        Throttled: If there is no room for one more.
    """
    has_room, standings = counters().count(wrong_keys_of(request), is_taken=False)
    if not has_room:
        refuse(standings)


def digest_of(text: str) -> str:
    """The form in which names are part of a counter's name: they can be long, or secret."""
    return sha256(text.encode(errors="replace")).hexdigest()[:32]


def _charges(request: Request) -> list[Charge]:
    limits, caller = settings.ENV.throttle, request.user
    if not isinstance(caller, Principal):
        policy = Policy("address", limits.anonymous_requests_per_address, MINUTE)
        return [Charge(policy, client_address(_django(request)))]
    tenant = str(caller.tenant_id)
    subject = f"{caller.actor.kind}:{digest_of(caller.actor.id)}"
    return [
        Charge(Policy("key", limits.requests_per_key, MINUTE), f"{tenant}:{subject}"),
        Charge(Policy("tenant", limits.requests_per_tenant, MINUTE), tenant),
    ]


def _state(view: "APIView | None", standings: Sequence[Standing]) -> None:
    if view is not None:
        view.headers |= rate_headers(standings)


def _django(request: Request) -> HttpRequest:
    return request._request
