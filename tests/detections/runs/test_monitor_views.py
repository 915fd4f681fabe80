import hashlib
from collections.abc import Callable
from itertools import pairwise
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from detections.models import DetectionRun
from detections.runs.execution import execute
from drift_detector.api.waiting import CLIENT_LEFT
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.models import Monitor
from tests.conftest import client_of
from tests.factories import at_once, eventually, make_monitor, moment, rows_of

WINDOW = {"start": "2024-01-22T00:00:00Z", "end": "2024-01-29T00:00:00Z"}


def url(monitor: Monitor, action: str = "run", query: str = "") -> str:
    return f"/api/v1/monitors/{monitor.id}/{action}{query}"


def fields_of(answer: Any) -> list[str]:
    """The fields that a problem document complains about."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    return [each["field"] for each in answer.json()["errors"]]


def run_inline(api: APIClient, monitor: Monitor, columns: Any) -> Any:
    return api.post(url(monitor), {"current_data": columns})


def backfill(api: APIClient, monitor: Monitor, start: str, end: str) -> Any:
    return api.post(url(monitor, "backfill"), {"from": start, "to": end})


def test_run__latest_window__is_accepted_with_its_location(
    api: APIClient, monitor: Monitor
) -> None:
    answer = api.post(url(monitor))
    run = answer.json()
    assert answer.status_code == 202
    assert (run["status"], run["trigger"], run["requested_by"]) == (
        "queued",
        "manual",
        "key:test-operator",
    )
    assert answer["Location"] == f"http://testserver/api/v1/runs/{run['id']}"
    assert api.get(answer["Location"]).json()["id"] == run["id"]


def test_run__window__is_the_one_read(api: APIClient, monitor: Monitor) -> None:
    run = api.post(url(monitor), {"window": WINDOW}).json()
    assert (run["window_start"], run["window_end"]) == (WINDOW["start"], WINDOW["end"])


def test_run__window_but_no_timestamp_column__is_refused(api: APIClient, in_tenant: Tenant) -> None:
    answer = api.post(url(make_monitor(timestamp_column="")), {"window": WINDOW})
    assert (answer.status_code, fields_of(answer)) == (400, ["window"])
    assert not DetectionRun.objects.exists()


def test_run__wait__answers_the_finished_run(
    committed_api: APIClient, live_monitor: Monitor
) -> None:
    answer = committed_api.post(url(live_monitor, query="?wait=30"), {"window": WINDOW})
    run = answer.json()
    assert (answer.status_code, run["status"], run["verdict"], run["rows"]) == (
        200,
        "succeeded",
        "drift",
        2000,
    )
    assert {each["method"] for each in run["detections"]} == {"ks", "psi", "chi_squared"}
    assert answer["Location"].endswith(run["id"])


def test_run__wait_over_without_a_worker__is_the_queued_run(
    api: APIClient, monitor: Monitor
) -> None:
    answer = api.post(url(monitor, query="?wait=0.05"))
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


def test_run__while_it_waits__other_connections_see_the_run(
    committed_api: APIClient, committed_monitor: Monitor
) -> None:
    def find_and_execute() -> Any:
        found = eventually(lambda: rows_of(committed_monitor.tenant_id, "SELECT id FROM drf_runs"))
        execute(tenant_id=committed_monitor.tenant_id, run_id=found[0][0], worker="w")
        return found[0][0]

    answer, run_id = at_once(
        lambda: committed_api.post(url(committed_monitor, query="?wait=1")), find_and_execute
    )
    assert (answer.json()["id"], answer.json()["reason"]) == (
        str(run_id),
        "Waiting for the baseline.",
    )


def test_run__wait_beyond_the_places__is_answered_at_once(
    api: APIClient, monitor: Monitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = settings.ENV.web.model_copy(update={"max_waiting_per_tenant": 0})
    settings.ENV = settings.ENV.model_copy(update={"web": none})
    monkeypatch.setattr("detections.runs.selectors.POLL_SECONDS", None)  # a pause would fail
    answer = api.post(url(monitor, query="?wait=60"))
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


def test_run__client_that_leaves__ends_the_wait(
    api: APIClient, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detections.runs.selectors.POLL_SECONDS", None)  # a pause would fail
    left = Event()
    left.set()
    answer = api.post(url(monitor, query="?wait=60"), **{CLIENT_LEFT: left})  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


@pytest.mark.parametrize("wait", ["86400", "61", "-1", "nan", "inf", "soon", ""])
def test_run__wait_out_of_bounds__is_refused(api: APIClient, monitor: Monitor, wait: str) -> None:
    answer = api.post(url(monitor, query=f"?wait={wait}"))
    assert (answer.status_code, fields_of(answer)) == (400, ["wait"])
    assert not DetectionRun.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"window": WINDOW, "current_data": {"delay": [1]}}, "window"),
        ({"window": {"start": WINDOW["end"], "end": WINDOW["start"]}}, "window.end"),
        ({"window": {"start": WINDOW["start"]}}, "window.end"),
        ({"window": {"start": "yesterday", "end": WINDOW["end"]}}, "window.start"),
        ({"window": {"start": "0001-01-01T00:00:00Z", "end": WINDOW["end"]}}, "window.start"),
        ({"window": 7}, "window.non_field_errors"),
        ({"current_data": {}}, "current_data"),
        ({"current_data": None}, "current_data"),
        ({"current_data": [1, 2]}, "current_data"),
        ({"current_data": {"delay": 3}}, "current_data.delay"),
        ({"current_data": {"delay": [1, 2], "carrier": ["A"]}}, "current_data"),
        ({"current_data": {"delay": [1, "late"]}}, "current_data"),
        ({"current_data": {"delay": [[1], [2]]}}, "current_data"),
        ({"current_data": {"delay": [{"a": 1}]}}, "current_data"),
        ([1], "non_field_errors"),
    ],
)
def test_run__wrong_body__names_the_field_and_writes_nothing(
    api: APIClient, monitor: Monitor, body: Any, field: str
) -> None:
    answer = api.post(url(monitor), body)
    assert (answer.status_code, fields_of(answer)) == (400, [field])
    assert not DetectionRun.objects.exists()


def test_run__not_json__is_refused(api: APIClient, monitor: Monitor) -> None:
    assert api.post(url(monitor), "{", content_type="application/json").status_code == 400


def test_run__inline_data__is_kept_for_the_worker(api: APIClient, flights_monitor: Monitor) -> None:
    columns = {"delay": [500.5, None] * 100, "distance": [1] * 200, "carrier": ["A"] * 200}
    run_id = run_inline(api, flights_monitor, columns).json()["id"]
    execute(tenant_id=flights_monitor.tenant_id, run_id=run_id, worker="w")
    run = api.get(f"/api/v1/runs/{run_id}").json()
    assert (run["verdict"], run["rows"]) == ("drift", 200)


def test_run__inline_columns_without_values__is_no_data(
    api: APIClient, flights_monitor: Monitor
) -> None:
    run_id = run_inline(api, flights_monitor, {"delay": []}).json()["id"]
    execute(tenant_id=flights_monitor.tenant_id, run_id=run_id, worker="w")
    assert api.get(f"/api/v1/runs/{run_id}").json()["verdict"] == "no_data"


def test_run__body_larger_than_the_cap__is_413(
    api: APIClient, monitor: Monitor, override: Callable[..., None]
) -> None:
    override(data={"max_inline_bytes": 1000})
    answer = run_inline(api, monitor, {"delay": [1.25] * 1000})
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "The body is larger than 1000 bytes.",
    )
    assert not DetectionRun.objects.exists()


def send_rows(api: APIClient, monitor: Monitor, rows: str) -> Any:
    """Send rows as this very text, with one key."""
    body, headers = f'{{"current_data": {rows}}}', {"Idempotency-Key": "k1"}
    return api.generic("POST", url(monitor), body, "application/json", headers=headers)


def test_run__idempotency_key_again__is_the_same_run(api: APIClient, monitor: Monitor) -> None:
    first, second = (
        api.post(url(monitor), {"window": WINDOW}, headers={"Idempotency-Key": "k1"})
        for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert DetectionRun.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [{}, {"window": WINDOW | {"end": "2024-01-30T00:00:00Z"}}, {"current_data": {"a": [1]}}],
)
def test_run__idempotency_key_with_another_body__is_409(
    api: APIClient, monitor: Monitor, other: Any
) -> None:
    api.post(url(monitor), {"window": WINDOW}, headers={"Idempotency-Key": "k1"})
    assert api.post(url(monitor), other, headers={"Idempotency-Key": "k1"}).status_code == 409
    assert DetectionRun.objects.count() == 1


def test_run__idempotency_key_with_the_same_rows__is_the_same_run(
    api: APIClient, monitor: Monitor
) -> None:
    body = {"current_data": {"delay": [1.5, None], "carrier": ["A", "B"]}}
    runs = {
        api.post(url(monitor), body, headers={"Idempotency-Key": "k1"}).json()["id"]
        for _ in range(2)
    }
    assert len(runs) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": [1, 2], "b": ["x", null]}', '{ "b":["x",null],\n"a" : [1.0, 2e0] }'),
        ('{"a": [true, false]}', '{"a": [1, 0]}'),
        ('{"a": [0.0, null]}', '{"a": [-0.0, null]}'),
        ('{"a": ["\\u00e9"]}', '{"a": ["é"]}'),
        ('{"a": [null, null]}', '{"a": [null,null]}'),
        ('{"a": [9007199254740993]}', '{ "a": [9007199254740993] }'),
        ('{"a": []}', '{"a":[ ]}'),
    ],
)
def test_run__idempotency_key_with_the_same_rows_in_other_words__is_the_same_run(
    api: APIClient, monitor: Monitor, one: str, other: str
) -> None:
    answers = [send_rows(api, monitor, rows) for rows in (one, other)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": [1, 2]}', '{"a": [2, 1]}'),
        ('{"a": [1], "b": [2]}', '{"a": [2], "b": [1]}'),
        ('{"a": [1]}', '{"b": [1]}'),
        ('{"a": [1]}', '{"a": [1], "b": [null]}'),
        ('{"a": [1]}', '{"a": ["1"]}'),
        ('{"a": [0]}', '{"a": [null]}'),
        ('{"a": ["ab", "c"]}', '{"a": ["a", "bc"]}'),
        ('{"a": [""]}', '{"a": [null]}'),
        ('{"a": [9007199254740993]}', '{"a": [9007199254740992]}'),
        ('{"a": [null]}', '{"a": [null, null]}'),
    ],
)
def test_run__idempotency_key_with_other_rows__is_409(
    api: APIClient, monitor: Monitor, one: str, other: str
) -> None:
    assert send_rows(api, monitor, one).status_code == 202
    assert send_rows(api, monitor, other).status_code == 409
    assert DetectionRun.objects.count() == 1


def test_run__idempotency_key_with_the_same_window_in_another_zone__is_the_same_run(
    api: APIClient, monitor: Monitor
) -> None:
    berlin = {"start": "2024-01-15T01:00:00+01:00", "end": "2024-01-22T01:00:00+01:00"}
    utc = {"start": "2024-01-15T00:00:00Z", "end": "2024-01-22T00:00:00"}
    runs = {
        api.post(url(monitor), {"window": window}, headers={"Idempotency-Key": "k1"}).json()["id"]
        for window in (berlin, utc)
    }
    assert len(runs) == 1


def test_run__idempotency_key_of_a_version_that_hashed_bytes__is_the_same_run(
    api: APIClient, monitor: Monitor
) -> None:
    first = send_rows(api, monitor, '{"a": [1, 2]}').json()
    sent = bytes(DetectionRun.objects.get().inline_data or b"")
    old = hashlib.sha256(repr((None, sent)).encode()).hexdigest()
    DetectionRun.objects.update(request_hash=old)
    assert send_rows(api, monitor, '{"a": [1, 2]}').json()["id"] == first["id"]
    assert send_rows(api, monitor, '{"a": [1, 3]}').status_code == 409


def test_run__idempotency_key_of_another_monitor__is_another_run(
    api: APIClient, monitor: Monitor
) -> None:
    answers = [
        api.post(url(each), headers={"Idempotency-Key": "k1"}) for each in (monitor, make_monitor())
    ]
    assert len({answer.json()["id"] for answer in answers}) == 2


def test_run__idempotency_key_too_long__is_refused(api: APIClient, monitor: Monitor) -> None:
    answer = api.post(url(monitor), headers={"Idempotency-Key": "k" * 201})
    assert fields_of(answer) == ["Idempotency-Key"]


def test_run__idempotency_key_raced__is_one_run(
    committed_tenant: Tenant, committed_monitor: Monitor
) -> None:
    clients = [client_of(committed_tenant.id) for _ in range(4)]
    posts = [
        lambda api=api: api.post(url(committed_monitor), headers={"Idempotency-Key": "k"})
        for api in clients
    ]
    answers = at_once(*posts)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert rows_of(committed_tenant.id, "SELECT count(*) FROM drf_runs") == [(1,)]


def test_backfill__ticks__one_run_each_oldest_first(api: APIClient, monitor: Monitor) -> None:
    answer = backfill(api, monitor, "2024-01-01T00:00:00Z", "2024-01-22T00:00:00Z")
    ticks = ["2024-01-01T00:00:00Z", "2024-01-08T00:00:00Z", "2024-01-15T00:00:00Z"]
    assert (answer.status_code, answer.json()["created"]) == (202, 3)
    assert [run["scheduled_for"] for run in answer.json()["runs"]] == ticks
    assert {run["trigger"] for run in answer.json()["runs"]} == {"backfill"}


def test_backfill__again__makes_only_what_is_missing(api: APIClient, monitor: Monitor) -> None:
    backfill(api, monitor, "2024-01-01T00:00:00Z", "2024-01-15T00:00:00Z")
    wider = backfill(api, monitor, "2024-01-01T00:00:00Z", "2024-01-22T00:00:00Z").json()
    assert [run["scheduled_for"] for run in wider["runs"]] == ["2024-01-15T00:00:00Z"]
    assert DetectionRun.objects.count() == 3


def test_backfill__two_at_once__each_tick_once(
    committed_tenant: Tenant, committed_monitor: Monitor
) -> None:
    clients = [client_of(committed_tenant.id) for _ in range(2)]
    span = ("2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z")
    answers = at_once(*[lambda api=api: backfill(api, committed_monitor, *span) for api in clients])
    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json()["created"] for answer in answers) == 22
    assert rows_of(
        committed_tenant.id, "SELECT count(*), count(DISTINCT scheduled_for) FROM drf_runs"
    ) == [(22, 22)]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00", 23),
        ("2024-10-27T00:00:00+02:00", "2024-10-28T00:00:00+01:00", 25),
        ("2024-07-01T00:00:00+02:00", "2024-07-02T00:00:00+02:00", 24),
    ],
)
def test_backfill__hourly_on_the_day_of_a_clock_change__each_real_hour_once(
    api: APIClient, in_tenant: Tenant, start: str, end: str, hours: int
) -> None:
    monitor = make_monitor(schedule_cron="0 * * * *", timezone="Europe/Berlin")
    assert backfill(api, monitor, start, end).json()["created"] == hours
    ticks = sorted(DetectionRun.objects.values_list("scheduled_for", flat=True))
    assert {int((later - tick).total_seconds()) for tick, later in pairwise(ticks)} == {3600}
    assert ticks[0] == moment(start)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("2024-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "to"),
        ("2024-01-08T00:00:00Z", "2024-01-08T00:00:00Z", "to"),
        ("1990-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "to"),
        ("0001-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "from"),
        ("first of May", "2024-01-01T00:00:00Z", "from"),
    ],
    ids=["future", "empty", "too many", "before time began", "no date"],
)
def test_backfill__wrong_span__is_refused(
    api: APIClient, monitor: Monitor, start: str, end: str, field: str
) -> None:
    answer = backfill(api, monitor, start, end)
    assert (answer.status_code, fields_of(answer)) == (400, [field])
    assert not DetectionRun.objects.exists()


@pytest.mark.parametrize("action", ["run", "backfill"])
def test_monitor_runs__disabled_monitor__is_409(
    api: APIClient, in_tenant: Tenant, action: str
) -> None:
    body = (
        {"from": "2024-01-01T00:00:00Z", "to": "2024-01-22T00:00:00Z"}
        if action == "backfill"
        else {}
    )
    answer = api.post(url(make_monitor(status="disabled"), action), body)
    assert (answer.status_code, answer.json()["detail"]) == (409, "The monitor is disabled.")
    assert not DetectionRun.objects.exists()


def test_run__paused_monitor__may_still_be_checked_by_hand(
    api: APIClient, in_tenant: Tenant
) -> None:
    assert api.post(url(make_monitor(status="paused"))).status_code == 202


@pytest.mark.parametrize("action", ["run", "backfill"])
def test_monitor_runs__unknown_monitor__is_404(api: APIClient, action: str) -> None:
    assert api.post(f"/api/v1/monitors/{uuid4()}/{action}").status_code == 404


@pytest.mark.parametrize("action", ["run", "backfill"])
def test_monitor_runs__other_tenants_monitor__is_404(
    other_api: APIClient, monitor: Monitor, action: str
) -> None:
    body = {"from": "2024-01-01T00:00:00Z", "to": "2024-01-22T00:00:00Z"}
    assert other_api.post(url(monitor, action), body).status_code == 404
    assert not DetectionRun.objects.exists()


@pytest.mark.parametrize("action", ["run", "backfill"])
def test_monitor_runs__viewer__is_403(viewer_api: APIClient, monitor: Monitor, action: str) -> None:
    assert viewer_api.post(url(monitor, action)).status_code == 403


def test_run__same_key_in_two_tenants__are_two_runs(
    committed_tenant: Tenant, committed_monitor: Monitor
) -> None:
    rival = create_tenant(slug="rival", name="Rival")
    with tenant_scope(rival.id):
        theirs = make_monitor()
    for tenant, monitor in ((committed_tenant, committed_monitor), (rival, theirs)):
        client_of(tenant.id).post(url(monitor), headers={"Idempotency-Key": "k"})
        assert rows_of(tenant.id, "SELECT monitor_id FROM drf_runs") == [(monitor.id,)]
