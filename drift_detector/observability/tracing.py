"""OpenTelemetry traces.

Without AUMOS_DRIFT_TRACING__ENDPOINT there are no spans, and OpenTelemetry is not imported.
"""

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
    """The tracer, created with the first span of a process and so after the fork."""
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
    """A span around the block; it records an exception of the block and does not catch it.

    Args:
        name: One of few names; ids and other details are attributes.
        kind: `server` for a request, `consumer` for a message.
        parent: Headers with the context of the parent span; without it, the current span.
        attributes: Attributes of the span, named `drift.…` there.
    """
    spans = _spans()
    return spans.span(name, kind, parent or {}, _named(attributes)) if spans else nullcontext()


def annotate(**attributes: str | int) -> None:
    """Add attributes to the current span."""
    if spans := _spans():
        spans.annotate(_named(attributes))


def context_headers() -> dict[str, str]:
    """The context of the current span, as W3C headers for a message."""
    spans = _spans()
    return spans.context_headers() if spans else {}


def flush() -> None:
    """Send the unsent spans, before the end of a process that runs no exit handlers."""
    if spans := _spans():
        spans.flush()


def _named(attributes: Mapping[str, str | int]) -> dict[str, str | int]:
    return {f"drift.{name}": value for name, value in attributes.items()}


class RequestSpanMiddleware:
    """Makes a span for each request, named by its route, in the trace that the request belongs to."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        spans = _spans()
        return spans.answer(request, self._get_response) if spans else self._get_response(request)
