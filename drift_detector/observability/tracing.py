"""OpenTelemetry traces, if AUMOS_DRIFT_TRACING__ENDPOINT says where to; otherwise nothing of it is even imported."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from drift_detector.observability.spans import Kind, Spans


@cache
def _spans() -> "Spans | None":
    """Made when a process has its first span, and so not before it is forked."""
    endpoint = settings.ENV.tracing.endpoint
    if endpoint is None:
        return None
    from drift_detector.observability.spans import Spans

    return Spans(endpoint)


def span(
    name: str,
    *,
    kind: "Kind" = "internal",
    parent: Mapping[str, str] | None = None,
    **attributes: str | int,
) -> AbstractContextManager[None]:
    """A span around the block; an exception that leaves it is noted and goes on.

    Args:
        name: One of few; what is particular goes into the attributes.
        kind: `server` answers a request, `consumer` takes a message.
        parent: Headers with the context it belongs to; the span around it, if they have none.
        attributes: Their names become `drift.…`.
    """
    spans = _spans()
    return spans.span(name, kind, parent or {}, _ours(attributes)) if spans else nullcontext()


def annotate(**attributes: str | int) -> None:
    """Say more about the span around."""
    if spans := _spans():
        spans.annotate(_ours(attributes))


def context_headers() -> dict[str, str]:
    """The context of the span around, as W3C headers for a message."""
    spans = _spans()
    return spans.context_headers() if spans else {}


def flush() -> None:
    """Send what has not been sent, before a process ends that runs no exit handlers."""
    if spans := _spans():
        spans.flush()


def _ours(attributes: Mapping[str, str | int]) -> dict[str, str | int]:
    return {f"drift.{name}": value for name, value in attributes.items()}


class RequestSpanMiddleware:
    """A span for each request, named by its route; it goes on with the trace that the request brings."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        spans = _spans()
        return spans.answer(request, self._get_response) if spans else self._get_response(request)
