"""Refuses requests with an API key in their address, before anything reads or logs it."""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from drift_detector.api.problems import page_or_problem
from drift_detector.observability.key_masks import key_in_address
from drift_detector.observability.metrics import count_leaked_key
from drift_detector.throttling.addresses import client_address

log = structlog.get_logger(__name__)

LEAKED = (
    "The address holds the API key {prefix}…. Browsers, proxies and logs keep addresses, so the key has leaked: "
    "revoke it, and send its successor in the header Authorization."
)


class LeakedKeyMiddleware:
    """Answers 400; the first middleware, so that no other one sees the address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        prefix = key_in_address(f"{request.path_info}?{query}")
        return self._get_response(request) if prefix is None else _refuse(request, prefix)


def _refuse(request: HttpRequest, prefix: str) -> HttpResponse:
    count_leaked_key()
    log.warning("api_key_in_address", prefix=prefix, address=client_address(request))
    response = page_or_problem(request, 400, LEAKED.format(prefix=prefix))
    # The page's links must not carry its own address to where they lead.
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response
