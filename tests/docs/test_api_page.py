"""Compares docs/api.md with the OpenAPI document, and sends its examples to the API."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.urls import URLResolver, get_resolver
from rest_framework.test import APIClient

from alerts.models import Alert
from algorithms.verdicts import Severity
from detections.models import Detection
from detections.runs.completion import complete_run
from drift_detector.tenancy.models import Tenant
from tests.alerts.notification_rows import notification_rows
from tests.factories import (
    drift_result,
    make_flights_monitor,
    make_job,
    make_label_audit,
    make_run,
    take,
)
from tests.monitors.connections.offered import OFFERED

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
ROOT = "/api/v1"
PAGING = {"cursor", "page_size", "ordering", "id"}
OUTSIDE_OF_THE_SCHEMA = {("GET", "/schema"), ("GET", "/docs")}
EXAMPLE = re.compile(
    r"^```http\n(\w+) (\S+)\n(.*?)```\n\nanswers `(\d+)`:\n\n```json\n(.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Example:
    """One request of the page with its response."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    response: Any


@dataclass(frozen=True)
class Endpoint:
    """One row of the table of endpoints."""

    method: str
    path: str
    scope: str


def examples() -> list[Example]:
    return [example_of(*found) for found in EXAMPLE.findall(PAGE)]


def example_of(method: str, path: str, rest: str, status: str, response: str) -> Example:
    lines = rest.splitlines(keepends=True)
    headers = dict(re.findall(r"^([A-Z][\w-]+): (.*)$", rest, re.MULTILINE))
    body = "".join(lines[len(headers) :])
    return Example(method, path, headers, body, int(status), json.loads(response))


def endpoints() -> list[Endpoint]:
    rows = re.findall(r"^\| ([A-Z]+) \| `(\S+)` \| (\S+) \|", PAGE, re.MULTILINE)
    return [Endpoint(*row) for row in rows]


def filters() -> dict[str, set[str]]:
    _, rest = PAGE.split("## Filters\n")
    section = rest.split("\n## ")[0]
    rows = re.findall(r"^\| `(/\w+)` \| (.*) \|$", section, re.MULTILINE)
    return {path: set(re.findall(r"`(\w+)`", names)) for path, names in rows}


EXAMPLES, ENDPOINTS = examples(), endpoints()


@pytest.fixture
def schema(db: None) -> dict[str, dict[str, Any]]:
    """The operations of the OpenAPI document by path, without the root."""
    document = APIClient().get(f"{ROOT}/schema", {"format": "json"}).json()
    return {path.removeprefix(ROOT): operations for path, operations in document["paths"].items()}


@pytest.fixture
def ids(in_tenant: Tenant, flights: Path, override: Callable[..., None]) -> dict[str, str]:
    """A monitor with its baseline, and a run that has drifted, by the names that the page uses."""
    override(notifier={"allowed_hosts": ["127.0.0.1"]}, data=OFFERED)
    roles = {"prediction_column": "distance", "label_column": "delay"}
    monitor = make_flights_monitor(flights, name="Flights", **roles)
    baseline = monitor.baselines.get()
    run = make_run(monitor)
    assert complete_run(take(run), drift_result(Severity.WARNING, baseline_id=baseline.id))
    detection, alert = Detection.objects.get(), Alert.objects.get()
    job = make_job(flights)
    found = {"monitor": monitor, "run": run, "detection": detection, "alert": alert, "job": job}
    found["label_audit"] = make_label_audit(monitor)
    found["channel"] = notification_rows(alert)["channels"]
    return {name: str(each.id) for name, each in found.items()}


def api_routes() -> Iterable[str]:
    """The paths of the URLconf below the root, with `{id}` for what varies."""
    [api] = [
        each
        for each in get_resolver().url_patterns
        if isinstance(each, URLResolver) and str(each.pattern) == "api/v1/"
    ]
    for entry in api.url_patterns:
        nested = entry.url_patterns if isinstance(entry, URLResolver) else [entry]
        for route in nested:
            yield "/" + re.sub(r"<[^>]+>", "{id}", str(route.pattern))


def send(client: APIClient, example: Example, ids: dict[str, str]) -> Any:
    path = ROOT + example.path.format(**ids)
    body = example.body
    for name, value in ids.items():  # braces of JSON are no fields
        body = body.replace(f'"{{{name}}}"', f'"{value}"')
    return client.generic(
        example.method,
        path,
        body,
        content_type="application/json",
        headers=example.headers,
    )


def assert_has_the_shape(found: Any, shown: Any) -> None:
    """Each field that is shown is there; the first row of a list stands for all."""
    if isinstance(shown, dict):
        assert shown.keys() <= found.keys()
        for name, value in shown.items():
            assert_has_the_shape(found[name], value)
    elif isinstance(shown, list) and shown:
        assert_has_the_shape(found[0], shown[0])


def test_endpoints__of_the_page__are_those_of_the_schema(schema: dict[str, Any]) -> None:
    served = {(method.upper(), path) for path, methods in schema.items() for method in methods}
    listed = [(each.method, each.path) for each in ENDPOINTS]
    assert len(listed) == len(set(listed))
    assert set(listed) == served | OUTSIDE_OF_THE_SCHEMA


def test_endpoints__of_the_page__are_those_of_the_urlconf() -> None:
    assert {each.path for each in ENDPOINTS} == set(api_routes())


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_endpoint__without_a_key__is_for_anyone_as_the_page_says(
    db: None, endpoint: Endpoint
) -> None:
    """The scopes are compared in tests/drift_detector/tenancy/test_scopes.py."""
    path = ROOT + endpoint.path.format(id=uuid4())
    status = APIClient().generic(endpoint.method, path).status_code
    assert (status == 401) == (endpoint.scope != "anyone")


def test_filters__of_the_page__are_those_of_the_schema(schema: dict[str, Any]) -> None:
    served = {
        path: {each["name"] for each in methods["get"].get("parameters", [])} - PAGING
        for path, methods in schema.items()
        if "get" in methods and path in filters()
    }
    assert filters() == served


def test_error__of_the_page__is_what_the_api_answers(
    api: APIClient, monitor_fields: dict[str, Any]
) -> None:
    _, section = PAGE.split("## Errors\n")
    shown = re.search(r"^```json\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert shown
    response = api.post(f"{ROOT}/monitors", monitor_fields | {"window": "PT0S"})
    assert response.json() == json.loads(shown[1])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each.method} {each.path}")
def test_example__of_the_page__is_answered_as_shown(
    admin_api: APIClient, ids: dict[str, str], example: Example
) -> None:
    api = admin_api
    if example.path.endswith("/detectors"):
        [outcomes] = [each for each in EXAMPLES if each.path.endswith("/outcomes")]
        send(api, outcomes, ids)
    response = send(api, example, ids)
    assert response.status_code == example.status, response.json()
    assert_has_the_shape(response.json(), example.response)


def test_examples__resources__each_has_one() -> None:
    written = " ".join(example.path for example in EXAMPLES)
    nouns = {
        "monitors",
        "baselines",
        "run",
        "detections",
        "backfill",
        "backtest",
        "outcomes",
        "detectors",
    }
    assert {
        noun
        for noun in nouns | {"alerts", "report", "dashboard", "channels", "routes", "silences"}
        if noun not in written
    } == set()
