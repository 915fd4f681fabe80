"""The side of tracing that imports OpenTelemetry; see `drift_detector.observability.tracing`."""

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

Kind = Literal["internal", "server", "consumer"]
Attributes = Mapping[str, str | int]

SERVER_ERROR = 500


class Spans:
    """A tracer of this process and its way to the collector."""

    def __init__(self, endpoint: str) -> None:
        """Args:
        endpoint: The collector's OTLP/HTTP URL for traces.
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
        """A span around the block, the current one while it lasts."""
        with self._tracer.start_as_current_span(
            name,
            context=self._propagator.extract(parent, get_current()),
            kind=trace.SpanKind[kind.upper()],
            attributes=dict(attributes),
        ):
            yield

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
        """Answer a request inside a span; the route is known only afterwards."""
        parent = {name.lower(): value for name, value in request.headers.items()}
        method = request.method or ""
        with self.span(method, "server", parent, {"http.request.method": method}):
            response = get_response(request)
            route = request.resolver_match.route if request.resolver_match else "unmatched"
            span = trace.get_current_span()
            span.update_name(f"{method} {route}")
            span.set_attributes(
                {"http.route": route, "http.response.status_code": response.status_code}
            )
            if response.status_code >= SERVER_ERROR:
                span.set_status(trace.StatusCode.ERROR)
            return response

    def flush(self) -> None:
        """Send what waits; returns when it is sent or can't be."""
        self._provider.force_flush()
