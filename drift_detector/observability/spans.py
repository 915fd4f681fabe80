"""The part of tracing that imports OpenTelemetry; see `drift_detector.observability.tracing`."""

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from django.http import HttpRequest, HttpResponse
from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from drift_detector.observability.key_masks import mask_keys
from drift_detector.observability.routes import route_of

Kind = Literal["internal", "server", "consumer"]
Attributes = Mapping[str, str | int]

SERVER_ERROR = 500


class Spans:
    """The tracer of this process, which sends its spans to the collector."""

    def __init__(self, endpoint: str) -> None:
        """Connect to the collector.

        Args:
            endpoint: The OTLP/HTTP URL of the collector for traces.
        """
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: "aumos-drift-detector"})
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("drift_detector")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self, name: str, kind: Kind, parent: Mapping[str, str], attributes: Attributes
    ) -> Iterator[None]:
        """A span around the block; in the block it is the current span."""
        with self._tracer.start_as_current_span(
            name,
            context=self._propagator.extract(parent, get_current()),
            kind=trace.SpanKind[kind.upper()],
            attributes=dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as current:
            try:
                yield
            except Exception as error:
                _record(current, error)
                raise

    def annotate(self, attributes: Attributes) -> None:
        """Add attributes to the current span."""
        trace.get_current_span().set_attributes(dict(attributes))

    def context_headers(self) -> dict[str, str]:
        """The current context as headers."""
        headers: dict[str, str] = {}
        self._propagator.inject(headers)
        return headers

    def answer(
        self, request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponse]
    ) -> HttpResponse:
        """Answer a request inside a span, named afterwards, when the route is known."""
        parent = {name.lower(): value for name, value in request.headers.items()}
        method = request.method or ""
        with self.span(method, "server", parent, {"http.request.method": method}):
            response = get_response(request)
            _describe(trace.get_current_span(), request, response)
            return response

    def flush(self) -> None:
        """Send the waiting spans; returns when they are sent or cannot be sent."""
        self._provider.force_flush()


def _record(span: trace.Span, error: Exception) -> None:
    """Keep an exception as OpenTelemetry would, but for the API keys in it."""
    stack = "".join(traceback.format_exception(error))
    masked = {
        "exception.message": mask_keys(str(error)),
        "exception.stacktrace": mask_keys(stack),
    }
    span.record_exception(error, attributes=masked)
    span.set_status(trace.StatusCode.ERROR, mask_keys(f"{type(error).__name__}: {error}"))


def _describe(span: trace.Span, request: HttpRequest, response: HttpResponse) -> None:
    route = route_of(request)
    span.update_name(f"{request.method or ''} {route}")
    span.set_attributes({"http.route": route, "http.response.status_code": response.status_code})
    if response.status_code >= SERVER_ERROR:
        span.set_status(trace.StatusCode.ERROR)
