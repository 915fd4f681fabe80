"""Traces, as a collector gets them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from rest_framework.test import APIClient

from drift_detector.observability import tracing
from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tasks.detections import execute_run
from tests.drift_detector.collector import Collector, attributes, collecting
from tests.factories import make_flights_monitor, make_run

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KEY = "adk_" + "Xr3v_9bQ-" * 4 + "1234567"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}  # the example of W3C's recommendation
PHASES = {"claim", "load", "open", "evaluate", "outcomes", "settle"}
WITHOUT_OPENTELEMETRY = """
import sys
sys.modules["opentelemetry"] = None  # as if it were not installed
import django
django.setup()
import drift_detector.urls, tasks.detections
from django.test import Client
from drift_detector.observability import tracing
with tracing.span("evaluate"):
    tracing.annotate(attempt=1)
tracing.flush()
print(tracing.context_headers(), Client().get("/healthz", headers={"host": "localhost"}).status_code)
"""


@pytest.fixture
def collector(override: Callable[..., None]) -> Iterator[Collector]:
    with collecting() as collector:
        override(tracing={"endpoint": collector.url})
        tracing._spans.cache_clear()
        yield collector
        spans = tracing._spans()
        assert spans is not None
        spans._provider.shutdown()
        tracing._spans.cache_clear()


@pytest.fixture
def monitor(in_tenant: Tenant, flights: Path) -> Monitor:
    return make_flights_monitor(flights)


def test_tracing__no_endpoint__opentelemetry_need_not_even_be_installed() -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "drift_detector.settings",
        "AUMOS_DRIFT_ALLOWED_HOSTS": '["localhost"]',
    }
    command = [sys.executable, "-c", WITHOUT_OPENTELEMETRY]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "{} 200\n"


def test_load__endpoint_without_the_packages__stops_with_a_sentence() -> None:
    environment = os.environ | {"AUMOS_DRIFT_TRACING__ENDPOINT": "http://127.0.0.1:4318/v1/traces"}
    code = "import sys; sys.modules['opentelemetry'] = None; from drift_detector import env; env.load()"
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert process.stderr.startswith(
        "AUMOS_DRIFT_TRACING__ENDPOINT is wrong: the packages of the extra `tracing` are not installed.\n"
    )


def test_request__answered__is_a_span_by_method_and_route(
    api: APIClient, collector: Collector
) -> None:
    api.get("/api/v1/monitors?page_size=3", headers=TRACEPARENT)
    tracing.flush()
    (span,) = collector.named("GET api/v1/monitors")
    assert (span.kind, span.trace_id.hex(), span.parent_span_id.hex()) == (
        Span.SPAN_KIND_SERVER,
        TRACE,
        PARENT,
    )
    assert attributes(span) == {
        "http.request.method": "GET", "http.route": "api/v1/monitors", "http.response.status_code": 200
    }  # fmt: skip


def test_request__without_a_trace__begins_one(api: APIClient, collector: Collector) -> None:
    for _ in range(2):
        api.get("/api/v1/monitors")
    tracing.flush()
    first, second = collector.named("GET api/v1/monitors")
    assert (first.parent_span_id, second.parent_span_id) == (b"", b"")
    assert first.trace_id != second.trace_id


def test_task__message_with_a_trace__goes_on_with_it_and_has_a_span_per_phase(
    monitor: Monitor, collector: Collector
) -> None:
    run = make_run(monitor)
    ids = {"tenant_id": str(run.tenant_id), "run_id": str(run.id)}
    execute_run.apply(kwargs=ids, headers=TRACEPARENT, throw=True)
    tracing.flush()
    (task,) = collector.named("detections.execute_run")
    assert (task.kind, task.trace_id.hex(), task.parent_span_id.hex()) == (
        Span.SPAN_KIND_CONSUMER,
        TRACE,
        PARENT,
    )
    expected = ids | {"monitor_id": str(monitor.id), "attempt": 1}
    assert attributes(task) == {f"drift.{name}": value for name, value in expected.items()}
    assert {span.name for span in collector.spans if span.parent_span_id == task.span_id} == PHASES


def test_task__phase_fails__its_span_says_so(
    monitor: Monitor, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detections.evaluation.context.open_window", lambda *_: 1 / 0)
    run = make_run(monitor)
    execute_run.apply(kwargs={"tenant_id": str(run.tenant_id), "run_id": str(run.id)}, throw=True)
    tracing.flush()
    assert [(each.name, each.status.code) for each in collector.spans if each.status.code] == [
        ("open", Status.STATUS_CODE_ERROR)
    ]


def test_context_headers__inside_a_span__name_it_as_w3c_says(collector: Collector) -> None:
    with tracing.span("outer"):
        headers = tracing.context_headers()
    tracing.flush()
    (span,) = collector.named("outer")
    assert headers["traceparent"].startswith(f"00-{span.trace_id.hex()}-{span.span_id.hex()}-")


def test_span__exception_that_quotes_a_key__has_it_masked(collector: Collector) -> None:
    with pytest.raises(ValueError, match="wrong"), tracing.span("outer"):
        raise ValueError(f"wrong: {KEY}")
    tracing.flush()
    said = str(collector.named("outer"))
    assert f"wrong: {KEY[:12]}" in said
    assert KEY not in said


def test_request__key_in_its_address__is_in_no_span(api: APIClient, collector: Collector) -> None:
    api.get(f"/api/v1/monitors/{KEY}?k={KEY}")
    tracing.flush()
    assert KEY not in str(collector.spans)
