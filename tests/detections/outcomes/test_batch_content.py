"""Batches that say the same, and batches that do not, whatever they are sent as."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from rest_framework.test import APIClient

from detections.models import OutcomeBatch, OutcomeStream
from detections.outcomes.batch_content import hash_of_columns, hash_of_rows
from detections.outcomes.ingest import lock_stream, take_batch
from detections.outcomes.outcome_tables import rows_from_arrow, rows_from_json, rows_from_ndjson
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from monitors.sources import table_from_columns
from tests.factories import make_monitor

NOON = "2026-03-01T12:00:00Z"


def of_json(body: Any) -> str:
    return hash_of_rows(rows_from_json(body))


def of_arrow(**columns: Any) -> str:
    sink, table = io.BytesIO(), pa.table(columns)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return hash_of_rows(rows_from_arrow(sink.getvalue()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([{"prediction": 1, "label": 0}], [{"label": 0.0, "prediction": 1.0}]),
        ([{"prediction": 1, "label": 0}], [{"prediction": True, "label": False}]),
        ([{"error": 0.0}], [{"error": -0.0}]),
        ([{"error": 1}], [{"error": 1, "label": None, "score": None}]),
        ([{"error": 1, "occurred_at": NOON}], [{"error": 1, "occurred_at": "2026-03-01T13:00:00+01:00"}]),
        ([{"error": 1}, {"error": 0}], {"error": [1, 0]}),
        ([{"prediction_id": "a", "label": "x"}], {"label": ["x"], "prediction_id": ["a"]}),
    ],
)  # fmt: skip
def test_hash_of_rows__same_outcomes__is_the_same(one: Any, other: Any) -> None:
    assert of_json(one) == of_json(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([{"error": 1}], [{"error": 0}]),
        ([{"error": 1}], [{"error": 1}, {"error": 1}]),
        ([{"error": 1}, {"error": 0}], [{"error": 0}, {"error": 1}]),
        ([{"prediction": "1", "label": "0"}], [{"prediction": 1, "label": 0}]),
        ([{"prediction": 1, "label": 0}], [{"prediction": 0, "label": 1}]),
        ([{"error": 1}], [{"error": 1, "occurred_at": NOON}]),
        ([{"prediction": "ab", "label": "c"}], [{"prediction": "a", "label": "bc"}]),
        ([{"prediction_id": "a", "label": 0}], [{"prediction_id": "b", "label": 0}]),
        ([{"prediction": 1, "label": 1, "score": None}], [{"prediction": 1, "label": 1, "score": 0}]),
        ({"prediction": ["a", "b"], "label": ["a", "b"], "prediction_id": ["p", None]},
         {"prediction": ["a", "b"], "label": ["a", "b"], "prediction_id": ["p", ""]}),
    ],
)  # fmt: skip
def test_hash_of_rows__other_outcomes__is_another(one: Any, other: Any) -> None:
    assert of_json(one) != of_json(other)


def test_hash_of_rows__json_ndjson_and_arrow__agree() -> None:
    records = [
        {"prediction": 1, "label": 0, "score": 0.5, "occurred_at": NOON, "prediction_id": "é"},
        {"prediction": 2, "label": 2, "score": None, "occurred_at": None, "prediction_id": None},
    ]
    lines = "\n".join(map(json.dumps, records)).encode()
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    arrow = of_arrow(
        label=pa.array([0, 2], pa.uint8()),
        prediction=pa.array([1, 2], pa.float32()),
        prediction_id=pa.array(["é", None], pa.large_string()).dictionary_encode(),
        occurred_at=pa.array([noon, None], pa.timestamp("ns", "Europe/Berlin")),
        score=pa.chunked_array([[0.5], pa.array([None], pa.float64())]),
        error=pa.nulls(2),
    )
    assert of_json(records) == hash_of_rows(rows_from_ndjson(lines)) == arrow


def test_hash_of_rows__stored_hash__is_still_the_same() -> None:
    """Batches keep their hashes, so that another way to hash would refuse what comes again."""
    record = {"prediction": 1, "label": 0, "score": 0.5, "occurred_at": NOON, "prediction_id": "é"}
    stored = "b86740c3df3c39d5e6a64034d6191750c43831b7a08ab5e37f8ac36935cadbc9"
    assert of_json([record]) == stored


@pytest.mark.parametrize(
    "rows",
    [
        {"a": pa.array([1, 2], pa.int8()), "b": pa.array(["x", None], pa.large_string())},
        {"a": pa.array([1, 2], pa.float32()), "b": pa.array(["x", None])},
        {"a": pa.chunked_array([[1], [2]]), "b": pa.chunked_array([["x"], [None]], pa.string())},
    ],
)
def test_hash_of_columns__columns_of_json_and_of_arrow__agree(rows: dict[str, Any]) -> None:
    sent = table_from_columns({"b": ["x", None], "a": [1, 2.0]})
    assert hash_of_columns(pa.table(rows), ["a", "b"]) == hash_of_columns(sent, ["a", "b"])


@pytest.fixture
def monitor(tenant: Tenant) -> Monitor:
    with tenant_scope(tenant.id):
        return make_monitor(name="Churn")


def post(api: APIClient, monitor: Monitor, outcomes: Any, query: str = "") -> Any:
    body = outcomes if query else {"batch_id": "day-1", "outcomes": outcomes}
    return api.post(f"/api/v1/monitors/{monitor.id}/outcomes{query}", body, format="json")


@pytest.mark.parametrize("query", ["", "?batch_id=day-1"])
def test_post_outcomes__batch_id_of_other_outcomes__is_409(
    api: APIClient, monitor: Monitor, query: str
) -> None:
    assert post(api, monitor, [{"error": 1}], query).status_code == 200
    other = post(api, monitor, [{"error": 1}, {"error": 0}], query)
    assert (other.status_code, "'day-1'" in other.json()["detail"]) == (409, True)
    again = post(api, monitor, [{"error": 1.0}], query)
    assert (again.status_code, again.json()["is_repeat"]) == (200, True)
    with tenant_scope(monitor.tenant_id):
        assert OutcomeStream.objects.get().sequence == 1


def test_post_outcomes__without_times_again__is_a_repeat(api: APIClient, monitor: Monitor) -> None:
    halves = [{"prediction_id": "p", "prediction": 1}, {"error": 1}]
    assert [post(api, monitor, halves).json()["is_repeat"] for _ in range(2)] == [False, True]


def test_post_outcomes__batch_from_before_hashes__counts_as_the_same(
    api: APIClient, monitor: Monitor
) -> None:
    post(api, monitor, [{"error": 1}])
    with tenant_scope(monitor.tenant_id):
        OutcomeBatch.objects.update(content_hash="")
    assert post(api, monitor, [{"error": 0}]).json()["is_repeat"]


def test_post_outcomes__batch_id_on_another_stream__is_another_batch(
    api: APIClient, monitor: Monitor
) -> None:
    post(api, monitor, [{"error": 1}], "?batch_id=a")
    assert not post(api, monitor, [{"error": 0}], "?batch_id=a&stream=b").json()["is_repeat"]


def test_take_batch__rows_of_the_monitors_data__have_no_hash(monitor: Monitor) -> None:
    with tenant_scope(monitor.tenant_id):
        stream = lock_stream(monitor.id, "data")
        take_batch(stream, monitor, "run:1", rows_from_json([{"error": 1}]), is_sent=False)
        assert OutcomeBatch.objects.get().content_hash == ""
