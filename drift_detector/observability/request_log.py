"""Logs each request that was answered: by ids and by its route, never by its path or query, which clients choose."""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django_structlog.middlewares import RequestMiddleware

from drift_detector.observability.routes import route_of

log = structlog.get_logger(__name__)

PROBES = {"healthz", "readyz", "metrics"}
"""Asked for every few seconds, by machines."""

IDS = ("pk", "tenant_id", "object_id")


class RequestIdMiddleware(RequestMiddleware):
    """Gives each request its id in the logs, and tells of those that fail by their route."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {route_of(request)}"


class RequestLogMiddleware:
    """Stands inside `RequestIdMiddleware`; what was refused is a warning."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self._get_response(request)
        if route_of(request) not in PROBES:
            seconds = round(time.perf_counter() - began, 4)
            log.log(
                _level_of(response),
                "request_answered",
                method=request.method,
                route=route_of(request),
                status=response.status_code,
                seconds=seconds,
                **_ids_of(request),
            )
        return response


def _level_of(response: HttpResponse) -> int:
    return logging.INFO if response.status_code < HTTPStatus.BAD_REQUEST else logging.WARNING


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
