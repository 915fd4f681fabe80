"""The request that the OpenAPI document prints for each operation works as it is printed."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from alerts.models import Alert
from algorithms.verdicts import Severity
from detections.models import Detection, Report
from detections.runs.completion import complete_run
from drift_detector.tenancy.models import Role, Scope, Tenant
from drift_detector.tenancy.services import create_api_key
from monitors.budgets.services import put_budget
from tests.alerts.notification_rows import notification_rows
from tests.alerts.retraining.rows import make_learning_rows
from tests.conftest import client_of
from tests.drift_detector.api.openapi_document import openapi_document
from tests.factories import (
    drift_result,
    make_backtest,
    make_bad_window,
    make_document,
    make_flights_monitor,
    make_job,
    make_label_audit,
    make_run,
    take,
)
from tests.monitors.connections.offered import OFFERED, make_connection

OPERATIONS = [
    (path, method, operation)
    for path, methods in openapi_document()["paths"].items()
    for method, operation in methods.items()
    if "/integrations/" not in path  # signed requests can't be printed
]
MODEL_ID = "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d"
"""The model of the examples."""

READERS = ("monitors.sources.pruning.open_dataset", "monitors.sources.datasets.open_filesystem")
"""The ways to a tenant's data; each reader of a window goes through them."""


@dataclass(frozen=True)
class Curl:
    """The parts of a call of curl."""

    method: str
    url: str
    headers: list[str]
    body: str


def parsed(source: str) -> Curl:
    """Read a call as a shell does."""
    words = shlex.split(source)
    options = list(pairwise(words))
    by_name = {name: value for name, value in options if name in ("-X", "-d")}
    [url] = [word for word in words if word.startswith("$URL")]
    headers = [value for name, value in options if name == "-H"]
    return Curl(by_name["-X"], url, headers, by_name.get("-d", ""))


@pytest.fixture(autouse=True)
def loopback(override: Callable[..., None]) -> None:
    """A test of a channel goes to a port of this machine where no one listens; the operator offers credentials."""
    override(notifier={"allowed_hosts": ["127.0.0.1"]}, data=OFFERED)


@pytest.fixture
def ids(in_tenant: Tenant, flights: Path) -> dict[str, str]:
    """A row of each resource, by the noun of its path."""
    roles = {"prediction_column": "distance", "label_column": "delay"}
    monitor = make_flights_monitor(flights, name="Flights", model_id=MODEL_ID, **roles)
    run, backtest = make_run(monitor), make_backtest(monitor)
    assert complete_run(
        take(run), drift_result(Severity.WARNING, baseline_id=monitor.baselines.get().id)
    )
    Report.objects.create(tenant_id=in_tenant.id, run=run)
    put_budget(UUID(MODEL_ID), false_alerts_per_month=2, by="key:test")
    alert = Alert.objects.get()
    rows = {
        "monitors": monitor,
        "runs": run,
        "detections": Detection.objects.get(),
        "alerts": alert,
        "jobs": make_job(flights),
    }
    key, _ = create_api_key(name="sample", scopes=[Scope.MONITORS_READ])
    connection = make_connection(name="Kept", store="s3://lake/acme/kept")
    bad = make_bad_window(monitor)
    more = {"backtests": backtest, "keys": key, "connections": connection, "bad-windows": bad}
    more |= notification_rows(alert) | {"label-audits": make_label_audit(monitor)}
    more["documents"] = make_document(monitor)
    found = {noun: str(row.id) for noun, row in (rows | more).items()}
    return found | make_learning_rows(monitor)


@pytest.fixture
def api(tenant: Tenant) -> APIClient:
    """A client that may do everything; who may do what is tested elsewhere."""
    return client_of(tenant.id, Role.ADMIN)


def send(api: APIClient, curl: Curl, row_id: str, flights: Path) -> Any:
    url = curl.url.replace("$URL", "").replace("$ID", row_id)
    body = curl.body.replace("/data/flights", str(flights))
    return api.generic(curl.method, url, body, content_type="application/json")


EACH_OPERATION = pytest.mark.parametrize(
    ("path", "method", "operation"),
    OPERATIONS,
    ids=lambda part: part if isinstance(part, str) else "",
)


@EACH_OPERATION
def test_sample__sent_as_printed__is_answered_with_success(
    admin_api: APIClient,
    ids: dict[str, str],
    flights: Path,
    path: str,
    method: str,
    operation: dict[str, Any],
) -> None:
    [sample] = operation["x-codeSamples"]
    curl = parsed(sample["source"])
    assert curl.method == method.upper()
    assert curl.headers[0] == "Authorization: Bearer $KEY"
    answer = send(admin_api, curl, ids.get(path.split("/")[3], ""), flights)
    assert answer.status_code in (200, 201, 202, 204), answer.content
    assert str(answer.status_code) in operation["responses"]


@EACH_OPERATION
def test_sample__sent_to_web_alone__reads_no_data_of_a_tenant(
    admin_api: APIClient, ids: dict[str, str], flights: Path, monkeypatch: pytest.MonkeyPatch,
    absent_worker: None, path: str, method: str, operation: dict[str, Any],
) -> None:  # fmt: skip
    def refuse(*arguments: object) -> NoReturn:
        raise AssertionError(f"Web opened {arguments}.")

    for reader in READERS:
        monkeypatch.setattr(reader, refuse)
    [sample] = operation["x-codeSamples"]
    answer = send(admin_api, parsed(sample["source"]), ids.get(path.split("/")[3], ""), flights)
    assert answer.status_code in (200, 201, 202, 204), answer.content


def test_operations__each_that_takes_a_body__prints_one() -> None:
    without = [
        (path, method)
        for path, method, operation in OPERATIONS
        if "requestBody" in operation and " -d " not in operation["x-codeSamples"][0]["source"]
    ]
    assert without == []
