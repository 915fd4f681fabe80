"""Logs each request that was answered: by ids and by its route, never by its path or query, which clients choose."""

import time
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

from drift_detector.observability.routes import route_of

log = structlog.get_logger(__name__)

PROBES = {"healthz", "readyz", "metrics"}
"""Asked for every few seconds, by machines."""

IDS = ("pk", "tenant_id", "object_id")


class RequestLogMiddleware:
    """Stands inside django-structlog's middleware, which gives each request its id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self._get_response(request)
        if route_of(request) not in PROBES:
            seconds = round(time.perf_counter() - began, 4)
            log.info(
                "request_answered",
                method=request.method,
                route=route_of(request),
                status=response.status_code,
                seconds=seconds,
                **_ids_of(request),
            )
        return response


def _ids_of(request: HttpRequest) -> dict[str, Any]:
    """The ids of the row, of the caller and of the tenant, as far as they are known."""
    kwargs = request.resolver_match.kwargs if request.resolver_match else {}
    row = next((str(kwargs[name])[:40] for name in IDS if name in kwargs), None)
    found: dict[str, Any] = {"object_id": row} if row else {}
    acting = getattr(request, "acting", None)
    if acting is None:
        return found
    actor = {"actor_kind": acting.actor.kind.value, "actor_id": acting.actor.id}
    return found | actor | {"tenant_id": str(acting.tenant_id)}
