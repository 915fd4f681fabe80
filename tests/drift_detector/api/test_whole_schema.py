"""Schemathesis sends requests made from the OpenAPI document, right ones and wrong ones, to each operation.

The checks are the library's: no 5xx, no undeclared status, media type, header or shape of an answer, no wrong request
accepted, no right one refused, no answer without a key. `make fuzz` sends many more.
"""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
import schemathesis
from django.conf import LazySettings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema

from alerts.models import Alert
from alerts.routing.views import CHANNEL_ID
from algorithms.verdicts import Severity
from detections.models import Detection
from detections.runs.completion import complete_run
from drift_detector.tenancy.models import Role, Scope, Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_api_key
from tests.alerts.notification_rows import notification_rows
from tests.alerts.retraining.rows import make_learning_rows
from tests.conftest import authorization_of
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

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
SOME = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
DOCUMENT = openapi_document()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
OF_ROUTES = {
    "escalation", "quiet_from", "quiet_until", "digest", "repeat_interval",
}  # fmt: skip
ROW = {"prediction": 1, "label": 0}
CURSOR = "cj0x"
SPAN = timedelta(days=10)
THEIR_NAME = "Canary of the other tenant"
FIRST, LAST = datetime(2000, 1, 1), datetime(2024, 1, 1)
OF_OTHER_FIELDS = {
    "feature_columns", "prediction_column", "label_column", "score_column", "performance_limits", "label_delay",
    "reference_start", "reference_end", "detector_settings", "error_scale", "error_batch",
    "references_in_time", "judged_by", "holidays",
}  # fmt: skip
"""Fields that are right or wrong by what the data or other fields have, which JSON Schema cannot say."""


def arrow_stream() -> bytes:
    table, sink = pa.table({"prediction": [1.0], "label": [0.0]}), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def moments() -> st.SearchStrategy[str]:
    zoned = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
    return zoned.map(datetime.isoformat)


def durations() -> st.SearchStrategy[str]:
    return st.integers(1, 1000).map(lambda hours: f"PT{hours}H")


def zones() -> st.SearchStrategy[str]:
    return st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"])


def crons() -> st.SearchStrategy[str]:
    return st.sampled_from(["0 6 * * *", "*/5 * * * *", "0 0 1 1 *", "15 10 * * MON-FRI"])


@pytest.fixture
def document(settings: LazySettings, static_root: None, flights: Path) -> BaseSchema:
    """The document with the application, and with values of the formats that are the project's own."""
    from drift_detector.wsgi import application  # whitenoise looks for its folder at the import

    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "localhost"]
    formats = {
        "data-location": st.just(str(flights)), "date-time": moments(), "duration": durations(),
        "cursor": st.just(CURSOR), "time-zone": zones(), "cron": crons(),
    }  # fmt: skip
    for name, strategy in formats.items():
        schemathesis.openapi.format(name, strategy)
    schemathesis.openapi.media_type("application/x-ndjson", st.just(json.dumps(ROW).encode()))
    schemathesis.openapi.media_type("application/vnd.apache.arrow.stream", st.just(arrow_stream()))
    schemathesis.openapi.media_type("text/csv", st.just(b"row,label\n1,1\n"))
    on_disk = json.loads(json.dumps(DOCUMENT).replace('"/data/flights"', json.dumps(str(flights))))
    loaded = schemathesis.openapi.from_dict(on_disk)
    loaded.app = application
    return loaded


@pytest.fixture(autouse=True)
def kept_connection() -> Iterator[None]:
    """Requests share the test's transaction, as those of Django's own test client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def loopback(override: Callable[..., None]) -> None:
    """A test of a channel goes to a port of this machine where no one listens."""
    override(notifier={"allowed_hosts": ["127.0.0.1"]}, data=OFFERED)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker ends a run here, so `wait` would take its time in full."""
    monkeypatch.setattr("detections.runs.selectors.wait_for_run", lambda **_: None)


def rows_of_each_kind(
    tenant: Tenant, flights: Path, name: str, channel_id: str = CHANNEL_ID
) -> dict[str, str]:
    """A row of each resource of a tenant, by the noun of its path."""
    with tenant_scope(tenant.id):
        roles = {"prediction_column": "distance", "label_column": "delay"}
        monitor = make_flights_monitor(flights, name=name, **roles)
        run, backtest = make_run(monitor), make_backtest(monitor)
        result = drift_result(Severity.WARNING, baseline_id=monitor.baselines.get().id)
        assert complete_run(take(run), result)
        detection, alert = Detection.objects.get(), Alert.objects.get()
        job, others = make_job(flights), notification_rows(alert, channel_id=channel_id)
        key, _ = create_api_key(name="schema", scopes=[Scope.MONITORS_READ])
        learnt, bad = make_learning_rows(monitor), make_bad_window(monitor)
        audit, document = make_label_audit(monitor), make_document(monitor)
        key, _ = create_api_key(name=f"of {name}", scopes=[Scope.MONITORS_READ])
        connection = make_connection(name=f"of {name}", store=f"s3://lake/{tenant.slug}/kept")
    rows = {"monitors": monitor, "runs": run, "detections": detection, "alerts": alert}
    more = {
        "backtests": backtest,
        "jobs": job,
        "keys": key,
        "connections": connection,
        "bad-windows": bad,
        "label-audits": audit,
        "documents": document,
    } | others
    return {noun: str(row.id) for noun, row in (rows | more).items()} | learnt


@pytest.fixture
def ids(tenant: Tenant, flights: Path) -> dict[str, str]:
    return rows_of_each_kind(tenant, flights, "Flights")


@pytest.fixture
def theirs(other_tenant: Tenant, flights: Path) -> dict[str, str]:
    """The same rows of another tenant."""
    return rows_of_each_kind(other_tenant, flights, THEIR_NAME, str(uuid4()))


def monitor_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in OF_OTHER_FIELDS}
    kept["timestamp_column"] = "departs_at"
    kept["feature_kinds"] = {"delay": "numeric"}
    kept["importances"] = {"delay": 2.5}
    kept["sensitive_features"] = ["delay"]
    kept["slices"] = [{"name": "far", "where": "distance > 1000"}]
    for name in ("thresholds", "tolerances"):
        limits = kept.get(name, {}).items()
        kept[name] = {method: limit for method, limit in limits if not isinstance(limit, dict)}
    for rule in (kept.get("open_after") or {}).values():
        rule["of"] = max(rule["runs"], rule["of"])
    return kept


def document_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """One of the generated monitors, under a name that no other monitor has."""
    monitors = [monitor_body(each, ids) | {"name": "Fuzz"} for each in body["monitors"][:1]]
    return body | {"monitors": monitors}


def span_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    start = datetime.fromisoformat(body["from"])
    return {"from": start.isoformat(), "to": (start + SPAN).isoformat()}


def bad_window_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    start = datetime.fromisoformat(body["window_start"])
    return body | {"window_end": (start + SPAN).isoformat()}


def label_audit_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """A window that has rows, and a number of them with few different predictions."""
    span = {"start": "2024-01-15T00:00:00Z", "end": "2024-01-22T00:00:00Z"}
    return {"window": span, "rows": 5}


def labels_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return {"labels": [{"row": 1, "label": 1}]}


def run_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    if "current_data" in body:
        return {"current_data": {"delay": [1.5], "distance": [740], "carrier": ["A"]}}
    if "window" not in body:
        return body
    start = datetime.fromisoformat(body["window"]["start"])
    return {"window": {"start": start.isoformat(), "end": (start + SPAN).isoformat()}}


def outcomes_body(body: Any, ids: dict[str, str]) -> Any:
    if isinstance(body, list):
        return [ROW for _ in body] or [ROW]
    if isinstance(body, dict) and "outcomes" in body:
        return body | {"outcomes": [ROW]}
    return {"prediction": [1, 0], "label": [0, 0]} if isinstance(body, dict) else body


def snooze_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return body | {"until": (datetime.now(UTC) + SPAN).isoformat()}


def assign_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return body | {"assignee": ""}


def bulk_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    said: dict[str, dict[str, Any]] = {
        "acknowledge": {},
        "snooze": {"until": (datetime.now(UTC) + SPAN).isoformat()},
        "assign": {"assignee": ""},
        "resolve": {"reason": "noise"},
        "comment": {"note": "Hm."},
    }
    return {"ids": body["ids"], "action": body["action"], **said[body["action"]]}


def deployed_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    start = datetime.fromisoformat(body["trained_from"])
    kept = {name: value for name, value in body.items() if name != "deployed_at"}
    return kept | {"trained_to": (start + SPAN).isoformat()}


def rule_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return body | {"performance": True, "features": ["delay"]}


def mapping_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    known = {"model_id": ids["models"]} if "model_id" in body else {}
    return body | known


def channel_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name != "subject"}
    if "address" in kept or "kind" in kept:
        kept |= {"kind": "webhook", "address": "https://93.184.215.14/drift"}
    return kept


def route_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in OF_ROUTES}
    for name in kept.keys() & {"group_wait", "group_interval"}:
        kept[name] = "PT1M"
    return matched_body(kept, ids) | ({"channels": [CHANNEL_ID]} if "channels" in kept else {})


def silence_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    times = {"starts_at": "2098-01-01T00:00:00Z", "ends_at": "2098-01-02T00:00:00Z"}
    kept = {name: value for name, value in body.items() if name not in times}
    return matched_body(kept, ids) | (times if "ends_at" in body else {})


def window_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    kept = matched_body(body, ids)
    return kept | ({"duration": "PT1H"} if "duration" in kept else {})


def connection_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    places = {"store", "credentials", "endpoint", "account"}
    kept = {name: value for name, value in body.items() if name not in places}
    return kept | ({"store": "s3://lake/acme", "credentials": "lake"} if "store" in body else {})


def key_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    ends = body.get("expires_at") is not None
    return body | ({"expires_at": (datetime.now(UTC) + SPAN).isoformat()} if ends else {})


def matched_body(body: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """Matchers name monitors that there are."""
    if "monitors" in body.get("matchers", {}):
        body = body | {"matchers": {"monitors": [ids["monitors"]]}}
    return body


BODIES: dict[str, Callable[[Any, dict[str, str]], Any]] = {
    "plan": document_body, "apply": document_body,
    "monitors": monitor_body, "preview": monitor_body, "backfill": span_body, "backtest": span_body,
    "run": run_body, "outcomes": outcomes_body, "snooze": snooze_body, "assign": assign_body, "bulk": bulk_body,
    "deployed": deployed_body, "retraining-rule": rule_body, "model-mappings": mapping_body,
    "channels": channel_body, "routes": route_body, "silences": silence_body, "maintenance-windows": window_body,
    "keys": key_body, "connections": connection_body, "rotate": key_body,
    "bad-windows": bad_window_body, "label-audits": label_audit_body, "labels": labels_body,
}  # fmt: skip
"""What a right body has to keep to beside the schema, by the last noun of the path."""


def keep_to_the_rest(case: Case[Any], ids: dict[str, str]) -> None:
    """Make a request that is right by the schema right by the rows, the data and the other fields, too."""
    *_, noun = [part for part in case.path.split("/") if part != "{id}"]
    if noun in BODIES and case.method != "GET" and isinstance(case.body, dict | list):
        body = BODIES[noun](case.body, ids)
        if (noun, case.method) == ("connections", "PATCH"):
            body.pop("store", None)  # it stays as it is
        case.body = body
    if isinstance(case.body, dict):  # a name in the query must be that of the body
        for name in {"batch_id", "stream"} & case.query.keys() & case.body.keys():
            del case.body[name]
    if {"from", "to"} <= case.query.keys():
        start = datetime.fromisoformat(case.query["from"])
        case.query["to"] = (start + SPAN).isoformat()
    of_rows = {"monitor": ids["monitors"], "run": ids["runs"]}
    if "notifications" in case.path:
        of_rows |= {"alert": ids["alerts"], "channel": ids["channels"]}
    known = of_rows | {f"{name}_id": row for name, row in of_rows.items()} | {"cursor": CURSOR}
    for name in known.keys() & case.query.keys():
        case.query[name] = known[name]


def fixed_path(path: str, ids: dict[str, str]) -> dict[str, Any]:
    """The parameters of a path that leads to a row, by the noun before it."""
    noun = "alerts" if "alerts" in path else path.split("/")[3]
    return {"path_parameters": {"id": ids[noun]}} if "{id}" in path else {}


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda part: str(part))
def test_operation__requests_of_its_schema__are_answered_as_declared(
    document: BaseSchema,
    tenant: Tenant,
    ids: dict[str, str],
    theirs: dict[str, str],
    path: str,
    method: str,
) -> None:
    operation = document[path][method.upper()]
    key = authorization_of(tenant.id, Role.ADMIN)
    foreign = {THEIR_NAME, *theirs.values()}

    def check(case: Case[Any], mode: GenerationMode) -> None:
        if mode is GenerationMode.POSITIVE:
            keep_to_the_rest(case, ids)
        with transaction.atomic():
            answer = case.call_and_validate(headers={"Authorization": key})
            assert [each for each in foreign if each in answer.text] == []
            transaction.set_rollback(True)

    for mode in GenerationMode:
        cases = operation.as_strategy(generation_mode=mode, **fixed_path(path, ids))
        SOME(given(case=cases, mode=st.just(mode))(check))()


ANSWERED_FOR_ANY = {
    "/api/v1/models/{id}/retraining-rule": (200,),
    "/api/v1/models/{id}/budget": (200, 204),
    "/api/v1/models/{id}/deployed": (200, 201),
    "/api/v1/integrations/mlflow/{id}": (401, 403),
}
"""Ids of models are the callers' own words, and a webhook of MLflow proves itself by its signature."""
OF_A_ROW = [(path, method) for path, method in OPERATIONS if "{id}" in path]


@pytest.mark.parametrize(("path", "method"), OF_A_ROW, ids=lambda part: str(part))
def test_operation__row_of_another_tenant__is_not_there(
    document: BaseSchema,
    tenant: Tenant,
    ids: dict[str, str],
    theirs: dict[str, str],
    path: str,
    method: str,
) -> None:
    operation = document[path][method.upper()]
    key = authorization_of(tenant.id, Role.ADMIN)
    positive = operation.as_strategy(
        generation_mode=GenerationMode.POSITIVE, **fixed_path(path, theirs)
    )

    @SOME
    @given(case=positive)
    def is_not_there(case: Case[Any]) -> None:
        keep_to_the_rest(case, ids)
        with transaction.atomic():
            answer = case.call(headers={"Authorization": key})
            assert answer.status_code in (400, 404, *ANSWERED_FOR_ANY.get(path, ()))
            assert THEIR_NAME not in answer.text
            transaction.set_rollback(True)

    is_not_there()
