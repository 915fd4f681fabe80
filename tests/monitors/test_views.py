"""`/api/v1/monitors` over real files; what was written is counted in the database."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask
from rest_framework.test import APIClient

from drift_detector.events.models import OutboxKey
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors import services
from monitors.models import Baseline, Monitor
from monitors.sources import DatasetDescription, describe
from tests.conftest import client_of, role_url
from tests.factories import (
    eventually,
    make_detection,
    make_finished_run,
    make_monitor,
    rows_of,
    wake_ups,
)

URL = "/api/v1/monitors"
DEFAULTS: dict[str, Any] = {
    "status": "active",
    "feature_columns": [],
    "window_lag": "PT0S",
    "label_delay": None,
    "timezone": "UTC",
    "methods": None,
    "policy": "evidence_and_effect",
    "thresholds": {},
    "tolerances": {},
    "min_rows": 50,
    "retraining_enabled": True,
}

BAD_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"references_in_time": [{"kind": "weekly"}]}, "references_in_time", "kind must be one of"),
    ({"references_in_time": [{"kind": "trailing"}]}, "references_in_time", "needs its length"),
    ({"holidays": "Atlantis"}, "holidays", "must be a country"),
    ({"judged_by": "both"}, "judged_by", "not a valid choice"),
    ({"judged_by": "references_in_time"}, "judged_by", "judged_by needs seasonal_weeks"),
    ({"reference_data_uri": "{root}/nothing"}, "reference_data_uri", "nothing at"),
    ({"open_after": {"info": {"runs": 1, "of": 1}}}, "open_after", "must name warning, critical"),
    ({"open_after": {"warning": {"runs": 1}}}, "open_after", "the two numbers runs and of"),
    (
        {"open_after": {"warning": {"runs": 3, "of": 2}}},
        "open_after",
        "must not be greater than of",
    ),
    ({"open_after": {"critical": {"runs": 1, "of": 21}}}, "open_after", "from 1 to 20"),
    ({"open_after": {"critical": {"runs": True, "of": 2}}}, "open_after", "whole numbers"),
    ({"resolve_after": 0}, "resolve_after", "greater than or equal to 1"),
    ({"resolve_after": 21}, "resolve_after", "less than or equal to 20"),
    ({"current_data_uri": "{root}/nothing/*.parquet"}, "current_data_uri", "nothing"),
    ({"reference_data_uri": "{root}/broken.parquet"}, "reference_data_uri", "cannot be read"),
    ({"reference_data_uri": "/etc/passwd"}, "reference_data_uri", "outside the folders"),
    ({"reference_data_uri": "{root}/../../etc"}, "reference_data_uri", ""),
    ({"current_data_uri": "s3://elsewhere/data"}, "current_data_uri", "outside the folders"),
    ({"current_data_uri": "http://169.254.169.254/latest"}, "current_data_uri", ""),
    ({"reference_data_uri": ""}, "reference_data_uri", "blank"),
    ({"reference_data_uri": "/" * 1001}, "reference_data_uri", "1000 characters"),
    ({"current_data_uri": "{root}/other.parquet"}, "current_data_uri", "no column"),
    (
        {"current_data_uri": "{root}/retyped.parquet"},
        "current_data_uri",
        "Column delay must be numeric",
    ),
    ({"feature_columns": ["delay", "altitude"]}, "feature_columns", "no column altitude"),
    (
        {"feature_columns": ["departs_at"], "timestamp_column": ""},
        "timestamp_column",
        "need a timestamp_column",
    ),
    ({"feature_columns": "delay"}, "feature_columns", "list"),
    ({"feature_columns": ["x" * 201]}, "feature_columns[0]", "200 characters"),
    ({"feature_columns": ["a\0b"]}, "feature_columns[0]", "ull characters"),
    ({"timestamp_column": "altitude"}, "timestamp_column", "no column altitude"),
    ({"timestamp_column": "delay"}, "timestamp_column", "must be a timestamp"),
    ({"timestamp_column": "x" * 201}, "timestamp_column", "200 characters"),
    ({"schedule_cron": "0 25 * * *"}, "schedule_cron", "Bad hour"),
    ({"schedule_cron": "* * * * * *"}, "schedule_cron", "five fields"),
    ({"schedule_cron": "0 0 30 2 *"}, "schedule_cron", "not a cron expression"),
    ({"schedule_cron": "0 0 * * 7"}, "schedule_cron", "Sunday is 0"),
    ({"schedule_cron": None}, "schedule_cron", "null"),
    ({"timezone": "Mars/Olympus"}, "timezone", "not an IANA time zone"),
    ({"timezone": "x" * 65}, "timezone", "64 characters"),
    ({"data_timezone": "Mars/Olympus"}, "data_timezone", "not an IANA time zone"),
    ({"data_timezone": None}, "data_timezone", "null"),
    (
        {"csv_dialect": {"seperator": ";"}},
        "csv_dialect",
        "keys delimiter, decimal, encoding, quote",
    ),
    ({"csv_dialect": {"delimiter": "::"}}, "csv_dialect", "delimiter must be one of"),
    ({"csv_dialect": {"delimiter": 7}}, "csv_dialect.delimiter", "Must be text"),
    ({"csv_dialect": {"decimal": ","}}, "csv_dialect", "delimiter must differ from decimal"),
    ({"csv_dialect": {"encoding": "klingon"}}, "csv_dialect", "encoding must be a known one"),
    ({"csv_dialect": {"encoding": "hex"}}, "csv_dialect", "encoding must be a known one"),
    ({"csv_dialect": ";"}, "csv_dialect", "dictionary"),
    ({"null_values": "-"}, "null_values", "list"),
    ({"slices": "carrier = 'UA'"}, "slices", "list"),
    ({"slices": [{"name": "far"}]}, "slices", "name and where"),
    ({"slices": [{"name": "", "where": "delay > 1"}]}, "slices", "1 to 100"),
    ({"slices": [{"name": "far", "where": "delay > 1"}] * 2}, "slices", "differ"),
    ({"slices": [{"name": f"{n}", "where": "delay > 1"} for n in range(21)]}, "slices", "20"),
    ({"slices": [{"name": "far", "where": "delay >"}]}, "slices", "'far' is wrong at character 8"),
    ({"slices": [{"name": "far", "where": "delays > 1"}]}, "slices", "nearest is 'delay'"),
    ({"slices": [{"name": "far", "where": "delay = '1'"}]}, "slices", "without quotes"),
    (
        {"slices": [{"name": "far", "where": "delay > 1"}], "sensitive_features": ["delay"]},
        "slices",
        "sensitive",
    ),
    ({"null_values": [""]}, "null_values[0]", "blank"),
    ({"null_values": [None]}, "null_values[0]", "null"),
    ({"null_values": ["x" * 101]}, "null_values[0]", "100 characters"),
    ({"null_values": ["-"] * 101}, "null_values", "100"),
    ({"window": "7 days"}, "window", "not an ISO-8601 duration"),
    ({"window": "PT0S"}, "window", "must be greater than zero"),
    ({"window": "P999999999D"}, "window", "at most 100 years"),
    ({"window_lag": "-P1D"}, "window_lag", "not an ISO-8601 duration"),
    ({"label_delay": "a week"}, "label_delay", "not an ISO-8601 duration"),
    ({"label_delay": "P7D"}, "label_delay", "performance_limits"),
    ({"methods": []}, "methods", "one or more"),
    ({"methods": ["ks", "guess"]}, "methods[1]", "not a valid choice"),
    ({"methods": {"ks": 1}}, "methods", "list"),
    ({"thresholds": [0.1]}, "thresholds", "dictionary"),
    ({"thresholds": {"guess": 0.1}}, "thresholds", "keys ks, psi, chi_squared"),
    ({"thresholds": {"ks": "0.1"}}, "thresholds", "must be a number"),
    ({"thresholds": {"ks": True}}, "thresholds", "must be a number"),
    ({"thresholds": {"ks": 0}}, "thresholds", "above 0"),
    ({"thresholds": {"ks": 1.01}}, "thresholds", "at most 1"),
    ({"thresholds": {"psi": 10**400}}, "thresholds", "at most 100"),
    ({"thresholds": {"ks": {"default": 0.1, "colour": 1}}}, "thresholds", "default and features"),
    ({"thresholds": {"ks": {"features": {"delay": None}}}}, "thresholds", "must be a number"),
    ({"thresholds": {"ks": {"features": {"a\0b": 0.1}}}}, "thresholds", ""),
    ({"thresholds": {"ks": {"features": {"\ud800": 0.1}}}}, "thresholds", ""),
    ({"tolerances": {"psi": 0.1}}, "tolerances", "keys ks, chi_squared"),
    ({"policy": "guess"}, "policy", "not a valid choice"),
    ({"status": "asleep"}, "status", "not a valid choice"),
    ({"status": "\ud800"}, "status", "not a valid choice"),
    ({"min_rows": 0}, "min_rows", "greater than or equal to 1"),
    ({"min_rows": 2**31}, "min_rows", "less than or equal to"),
    ({"min_rows": 10**400}, "min_rows", ""),
    ({"min_rows": "many"}, "min_rows", "whole number"),
    ({"model_id": "7"}, "model_id", "UUID"),
    ({"model_id": 2**200}, "model_id", "UUID"),
    ({"name": ""}, "name", "blank"),
    ({"name": "x" * 201}, "name", "200 characters"),
    ({"name": "a\0b"}, "name", "ull characters"),
    ({"name": "\ud800"}, "name", "urrogate"),
    ({"name": ["a"]}, "name", "text"),
    ({"reference_end": "2023-12-31T00:00:00Z"}, "reference_end", "must be after reference_start"),
    ({"reference_start": "2024-13-01"}, "reference_start", "wrong format"),
    ({"reference_start": "0001-01-01T00:00:00+14:00"}, "reference_start", ""),
    ({"retraining_enabled": "maybe"}, "retraining_enabled", "true or false"),
]


@pytest.fixture
def odd_files(flights: Path) -> Path:
    """Beside `flights`: a damaged file, one without its columns, one where `delay` is text."""
    (flights.parent / "broken.parquet").write_bytes(b"PAR1 but not really PAR1")
    table = pq.read_table(flights / "week0.parquet")
    pq.write_table(table.select(["departs_at", "delay"]), flights.parent / "other.parquet")
    text = table.column("delay").cast(pa.string())
    pq.write_table(
        table.set_column(table.column_names.index("delay"), "delay", text),
        flights.parent / "retyped.parquet",
    )
    return flights.parent


def send(api: APIClient, method: str, url: str, fields: dict[str, Any], root: Path) -> Any:
    """The fields as JSON in ASCII: a lone surrogate can't be written otherwise."""
    body = json.dumps(fields).replace("{root}", str(root))
    return api.generic(method, url, body, content_type="application/json")


def counts() -> tuple[int, int, int]:
    return Monitor.objects.count(), Baseline.objects.count(), PeriodicTask.objects.count()


def schedule(monitor: Any) -> tuple[str, str, bool]:
    """Cron, zone and switch of the one row that beat reads."""
    row = PeriodicTask.objects.select_related("crontab").get(name=f"monitor:{monitor}")
    crontab = row.crontab
    fields = (
        crontab.minute,
        crontab.hour,
        crontab.day_of_month,
        crontab.month_of_year,
        crontab.day_of_week,
    )
    return " ".join(fields), str(crontab.timezone), row.enabled


@pytest.fixture
def created(api: APIClient, monitor_fields: dict[str, Any], in_tenant: Tenant) -> dict[str, Any]:
    answer: dict[str, Any] = api.post(URL, monitor_fields).json()
    return answer


@pytest.fixture
def url(created: dict[str, Any]) -> str:
    return f"{URL}/{created['id']}"


def test_create__least_that_is_needed__201_with_the_defaults(
    api: APIClient, monitor_fields: dict[str, Any]
) -> None:
    answer = api.post(URL, monitor_fields)
    assert answer.status_code == 201
    body = answer.json()
    assert {name: body[name] for name in DEFAULTS} == DEFAULTS
    assert {name: body[name] for name in ("name", "window", "schedule_cron")} == {
        "name": "Flights", "window": "P7D", "schedule_cron": "0 0 * * 1"
    }  # fmt: skip
    assert body["created_by"] == "key:test-operator"


def test_create__what_was_answered__is_what_is_read(
    api: APIClient, created: dict[str, Any], url: str
) -> None:
    assert api.get(url).json() == created == api.get(URL).json()["results"][0]


def test_create__new__asks_for_version_1_of_the_baseline(created: dict[str, Any]) -> None:
    assert (created["baseline"]["version"], created["baseline"]["status"]) == (1, "building")


def test_create__new__has_one_schedule(created: dict[str, Any]) -> None:
    assert schedule(created["id"]) == ("0 0 * * 1", "UTC", True)
    assert counts() == (1, 1, 1)


def test_create__paused__has_a_schedule_that_rests(
    api: APIClient, monitor_fields: dict[str, Any]
) -> None:
    monitor = api.post(URL, monitor_fields | {"status": "paused", "timezone": "Asia/Tokyo"}).json()
    assert schedule(monitor["id"]) == ("0 0 * * 1", "Asia/Tokyo", False)


def test_create__thresholds_in_short__are_kept_per_method(
    api: APIClient, monitor_fields: dict[str, Any]
) -> None:
    given = {"ks": 0.01, "psi": {"features": {"delay": 0.5}}}
    monitor = api.post(URL, monitor_fields | {"thresholds": given}).json()
    assert monitor["thresholds"] == {"ks": {"default": 0.01}, "psi": {"features": {"delay": 0.5}}}


@pytest.mark.parametrize(
    ("change", "field", "reason"), BAD_FIELDS, ids=lambda value: str(value)[:40].replace("\0", "0")
)
def test_create__bad_field__is_named_with_the_reason_and_nothing_is_written(
    api: APIClient, monitor_fields: dict[str, Any], odd_files: Path, in_tenant: Tenant,
    change: dict[str, Any], field: str, reason: str,
) -> None:  # fmt: skip
    answer = send(api, "POST", URL, monitor_fields | change, odd_files)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    [error] = [each for each in answer.json()["errors"] if each["field"] == field]
    assert reason in error["reason"]
    assert counts() == (0, 0, 0)


@pytest.mark.parametrize("missing", ["name", "model_id", "reference_data_uri", "current_data_uri"])
def test_create__required_field_missing__is_named(
    api: APIClient, monitor_fields: dict[str, Any], missing: str
) -> None:
    del monitor_fields[missing]
    errors = api.post(URL, monitor_fields).json()["errors"]
    assert errors == [{"field": missing, "reason": "This field is required."}]


def test_create__name_taken__is_refused_and_nothing_is_written(
    api: APIClient, monitor_fields: dict[str, Any], created: dict[str, Any]
) -> None:
    answer = api.post(URL, monitor_fields)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "name")
    assert counts() == (1, 1, 1)


def test_create__name_of_another_tenants_monitor__is_free(
    other_api: APIClient, monitor_fields: dict[str, Any], created: dict[str, Any]
) -> None:
    assert other_api.post(URL, monitor_fields).status_code == 201


def test_create__name_taken_at_the_same_moment__is_refused(
    committed_tenant: Tenant, monitor_fields: dict[str, Any]
) -> None:
    with tenant_scope(committed_tenant.id):
        make_monitor(name="Other")
    client = client_of(committed_tenant.id)
    with psycopg.connect(role_url("owner")) as rival, ThreadPoolExecutor(1) as thread:
        rival.execute("SELECT set_config('app.tenant_id', %s, true)", [str(committed_tenant.id)])
        rival.execute("UPDATE drf_monitors SET name = 'Flights'")
        thread.submit(commit_when_waited_for, rival)
        answer = client.post(URL, monitor_fields)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "name")
    assert rows_of(committed_tenant.id, "SELECT count(*) FROM drf_monitors") == [(1,)]


def commit_when_waited_for(rival: psycopg.Connection) -> None:
    """End the rival's transaction once another one is held up by it."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
    with psycopg.connect(role_url("owner"), autocommit=True) as watcher:
        eventually(lambda: watcher.execute(query).fetchone() != (0,))
    rival.commit()


@pytest.mark.parametrize("change", [{"reference_data_uri": "/nothing"}, {"name": "Taken"}])
def test_create__refused_outside_of_any_transaction__is_400_all_the_same(
    committed_tenant: Tenant, monitor_fields: dict[str, Any], change: dict[str, str]
) -> None:
    with tenant_scope(committed_tenant.id):
        make_monitor(name="Taken")
    answer = client_of(committed_tenant.id).post(URL, monitor_fields | change)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, *change)
    assert rows_of(committed_tenant.id, "SELECT count(*) FROM drf_monitors") == [(1,)]


def before_describing(monkeypatch: pytest.MonkeyPatch, look: Callable[[], object]) -> None:
    """Look at the world each time that a source is about to be read."""

    def describe_then(*arguments: Any) -> DatasetDescription:
        look()
        return describe(*arguments)

    monkeypatch.setattr("monitors.features.describe", describe_then)


@pytest.mark.parametrize("method", ["post", "patch"])
def test_sources__while_they_are_read__no_transaction_is_open(
    committed_tenant: Tenant,
    monitor_fields: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    client = client_of(committed_tenant.id)
    monitor = client.post(URL, monitor_fields).json()
    seen = []
    before_describing(monkeypatch, lambda: seen.append(connection.in_atomic_block))
    change = {"name": "Second", "feature_columns": ["delay"]}
    answer = (
        client.post(URL, monitor_fields | change)
        if method == "post"
        else client.patch(f"{URL}/{monitor['id']}", change)
    )
    assert answer.status_code in (200, 201)
    assert seen == [False, False]


def test_create__committed__wakes_a_worker_for_the_baseline(
    committed_tenant: Tenant, monitor_fields: dict[str, Any]
) -> None:
    monitor = client_of(committed_tenant.id).post(URL, monitor_fields).json()
    query = "SELECT id::text FROM drf_baselines WHERE monitor_id = %s"
    [(baseline_id,)] = rows_of(committed_tenant.id, query, monitor["id"])
    assert {"tenant_id": str(committed_tenant.id), "baseline_id": baseline_id} in wake_ups(
        "monitors.build_baseline"
    )


def test_patch__one_field__leaves_the_others(
    api: APIClient, created: dict[str, Any], url: str
) -> None:
    answer = api.patch(url, {"min_rows": 7})
    assert answer.status_code == 200
    assert answer.json() == created | {"min_rows": 7, "updated_at": answer.json()["updated_at"]}


def test_patch__nothing__changes_nothing(api: APIClient, created: dict[str, Any], url: str) -> None:
    assert api.patch(url, {}).json() == created | {"updated_at": api.get(url).json()["updated_at"]}


def test_patch__field_that_a_monitor_has_not__is_refused_by_name(
    api: APIClient, created: dict[str, Any], url: str
) -> None:
    answer = api.patch(url, {"tenant": str(uuid4()), "tresholds": {}, "name": "other"})
    reasons = {each["field"]: each["reason"] for each in answer.json()["errors"]}
    assert answer.status_code == 400
    assert reasons.keys() == {"tenant", "tresholds"}
    assert "'thresholds'" in reasons["tresholds"]
    assert api.get(url).json()["name"] == created["name"]


def test_patch__all_that_was_shown__changes_nothing(
    api: APIClient, created: dict[str, Any], url: str
) -> None:
    answer = api.patch(url, created)
    assert answer.status_code == 200
    assert answer.json() == created | {"updated_at": answer.json()["updated_at"]}


def test_patch__read_only_fields__are_left_as_they_are(
    api: APIClient, created: dict[str, Any], url: str
) -> None:
    forged = {
        "id": str(uuid4()),
        "created_by": "me",
        "baseline": None,
    }
    answer = api.patch(url, forged)
    assert {name: answer.json()[name] for name in ("id", "created_by")} == {
        name: created[name] for name in ("id", "created_by")
    }


@pytest.mark.parametrize(
    ("change", "field", "reason"), BAD_FIELDS, ids=lambda value: str(value)[:40].replace("\0", "0")
)
def test_patch__bad_field__is_named_and_nothing_changes(
    api: APIClient, created: dict[str, Any], url: str, odd_files: Path,
    change: dict[str, Any], field: str, reason: str,
) -> None:  # fmt: skip
    answer = send(api, "PATCH", url, change, odd_files)
    assert answer.status_code == 400
    assert field in {each["field"] for each in answer.json()["errors"]}
    assert api.get(url).json() == created
    assert (counts(), schedule(created["id"])) == ((1, 1, 1), ("0 0 * * 1", "UTC", True))


@pytest.mark.parametrize(
    "change",
    [
        {"reference_end": "2024-01-08T00:00:00Z"},
        {"feature_columns": ["delay"]},
        {"reference_start": None, "reference_end": None},
        {"data_timezone": "Asia/Tokyo"},
        {"csv_dialect": {"delimiter": ";"}},
        {"null_values": ["-"]},
        {"slices": [{"name": "far", "where": "distance > 1000"}]},
    ],
)
def test_patch__reference__builds_a_new_baseline_version(
    api: APIClient, url: str, change: dict[str, Any]
) -> None:
    assert api.patch(url, change).json()["baseline"]["version"] == 2
    assert api.patch(url, change).json()["baseline"]["version"] == 2


@pytest.mark.parametrize(
    "change",
    [{"name": "B"}, {"schedule_cron": "5 * * * *"}, {"status": "paused"}, {"window": "P1D"}],
)
def test_patch__not_the_reference__keeps_the_baseline(
    api: APIClient, url: str, change: dict[str, Any]
) -> None:
    assert api.patch(url, change).json()["baseline"]["version"] == 1


def test_patch__cron_and_zone__move_the_one_schedule(
    api: APIClient, created: dict[str, Any], url: str
) -> None:
    api.patch(url, {"schedule_cron": "*/5 8-17 * * mon-fri", "timezone": "Europe/Berlin"})
    assert schedule(created["id"]) == ("*/5 8-17 * * mon-fri", "Europe/Berlin", True)
    assert counts() == (1, 1, 1)


@pytest.mark.parametrize(
    ("status", "enabled"), [("paused", False), ("disabled", False), ("active", True)]
)
def test_patch__status__switches_the_one_schedule(
    api: APIClient, created: dict[str, Any], url: str, status: str, enabled: bool
) -> None:
    api.patch(url, {"status": "paused"})
    assert api.patch(url, {"status": status}).json()["status"] == status
    assert schedule(created["id"])[2] is enabled
    assert PeriodicTask.objects.count() == 1


def test_patch__removed_in_the_meantime__404(
    committed_tenant: Tenant, monitor_fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(committed_tenant.id)
    url = f"{URL}/{client.post(URL, monitor_fields).json()['id']}"
    before_describing(monkeypatch, lambda: client_of(committed_tenant.id).delete(url))
    assert client.patch(url, {"feature_columns": ["delay"]}).status_code == 404
    assert PeriodicTask.objects.count() == 0


def test_delete__with_all_it_has__removes_it(
    api: APIClient, created: dict[str, Any], url: str, tenant: Tenant
) -> None:
    monitor = Monitor.objects.get()
    make_detection(make_finished_run(monitor))
    assert api.delete(url).status_code == 204
    assert api.get(url).status_code == 404
    assert counts() == (0, 0, 0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM drf_runs) + (SELECT count(*) FROM drf_detections)"
        )
        assert cursor.fetchone() == (0,)


def test_delete__while_the_rest_is_removed__keeps_no_row_of_the_schedule_from_beat(
    committed_tenant: Tenant, monitor_fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(committed_tenant.id)
    url = f"{URL}/{client.post(URL, monitor_fields).json()['id']}"
    seen: list[Any] = []

    def look_after(monitor: Monitor) -> None:
        monitor.delete()
        with psycopg.connect(role_url("scheduler")) as scheduler:
            seen.extend(
                scheduler.execute(
                    "SELECT id FROM django_celery_beat_periodictask FOR UPDATE NOWAIT"
                )
            )
            seen.extend(
                scheduler.execute(
                    "SELECT ident FROM django_celery_beat_periodictasks FOR UPDATE NOWAIT"
                )
            )
            seen.extend(scheduler.execute("SELECT status FROM drf_monitors"))

    monkeypatch.setattr(services, "delete_monitor", lambda *, monitor: look_after(monitor))
    assert client.delete(url).status_code == 204
    assert seen == [(1,), ("disabled",)]


def test_patch__in_the_middle__keeps_nobody_from_writing_a_run_of_the_monitor(
    committed_tenant: Tenant, monitor_fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(committed_tenant.id)
    url = f"{URL}/{client.post(URL, monitor_fields).json()['id']}"
    really = services.update_monitor

    def look_before(**fields: Any) -> Monitor:
        as_a_foreign_key_does = "SELECT name FROM drf_monitors FOR KEY SHARE NOWAIT"
        assert rows_of(committed_tenant.id, as_a_foreign_key_does) == [(monitor_fields["name"],)]
        return really(**fields)

    monkeypatch.setattr(services, "update_monitor", look_before)
    assert client.patch(url, {"name": "Second"}).status_code == 200


def test_delete__counter_of_its_events__goes_and_another_stays(
    api: APIClient, url: str, tenant: Tenant
) -> None:
    other = make_monitor()
    for key in (Monitor.objects.exclude(id=other.id).get().id, other.id):
        OutboxKey.objects.create(tenant=tenant, key=key)
    api.delete(url)
    assert [each.key for each in OutboxKey.objects.all()] == [other.id]


def test_delete__one_of_two__leaves_the_other(
    api: APIClient, created: dict[str, Any], url: str
) -> None:
    other = make_monitor(schedule_cron="0 0 * * 1")
    api.delete(url)
    assert counts() == (1, 1, 1)
    assert schedule(other.id)[2] is True


@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("get", ""),
        ("patch", ""),
        ("delete", ""),
        ("post", "/baseline"),
        ("get", "/baselines"),
        ("post", "/run"),
        ("post", "/backfill"),
    ],
)
def test_other_tenants_monitor__any_verb__404_as_if_it_were_not_there(
    other_api: APIClient, created: dict[str, Any], url: str, method: str, tail: str
) -> None:
    answer = getattr(other_api, method)(url + tail, {} if method != "get" else None)
    absent = getattr(other_api, method)(f"{URL}/{uuid4()}{tail}", {} if method != "get" else None)
    assert (answer.status_code, answer.json()) == (404, absent.json())
    assert counts() == (1, 1, 1)


def test_baseline__asked_for_again__is_the_next_version(api: APIClient, url: str) -> None:
    answer = api.post(f"{url}/baseline")
    assert (answer.status_code, answer.json()["version"], answer.json()["status"]) == (
        202,
        2,
        "building",
    )
    assert [each["version"] for each in api.get(f"{url}/baselines").json()["results"]] == [2, 1]


def test_baseline__asked_for_by_a_viewer__403(viewer_api: APIClient, url: str) -> None:
    assert viewer_api.post(f"{url}/baseline").status_code == 403
    assert counts() == (1, 1, 1)


def test_list__more_monitors__no_more_queries(api: APIClient, in_tenant: Tenant) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api.get(URL).status_code == 200
        return len(captured)

    make_monitor()
    few = queries()
    for _ in range(5):
        make_monitor()
    assert queries() == few


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=paused", ["B"]),
        ("name=A", ["A"]),
        ("status=disabled", []),
        ("model_id=6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d", ["A"]),
    ],
)
def test_list__filtered__shows_those(
    api: APIClient, in_tenant: Tenant, query: str, expected: list[str]
) -> None:
    make_monitor(name="A", model_id="6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d")
    make_monitor(name="B", status="paused")
    assert [each["name"] for each in api.get(f"{URL}?{query}").json()["results"]] == expected


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"thresholds": {"ks": {"features": {"Delay": 0.01}}}}, "thresholds"),
        ({"importances": {"no such": 1}}, "importances"),
        ({"prediction_column": "p", "label_column": "lable"}, "prediction_column"),
    ],
)
def test_patch__name_that_matches_nothing__is_refused_as_by_post(
    api: APIClient, created: dict[str, Any], url: str, monitor_fields: dict[str, Any],
    change: dict[str, Any], field: str,
) -> None:  # fmt: skip
    posted = api.post(URL, monitor_fields | {"name": "other"} | change)
    for answer in (posted, api.patch(url, change)):
        assert answer.status_code == 400
        assert {each["field"] for each in answer.json()["errors"]} == {field}


def test_create__cron_with_more_spaces__is_the_same_schedule(
    api: APIClient, monitor_fields: dict[str, Any]
) -> None:
    created = api.post(URL, monitor_fields | {"schedule_cron": " 0  6\t* * *  "}).json()
    assert created["schedule_cron"] == "0 6 * * *"


@pytest.mark.parametrize("field", ["timezone", "data_timezone"])
@pytest.mark.parametrize("zone", ["localtime", "Factory", "posixrules", "right/UTC", "posix/UTC"])
def test_create__zone_that_depends_on_the_machine__is_refused(
    api: APIClient, monitor_fields: dict[str, Any], zone: str, field: str
) -> None:
    answer = api.post(URL, monitor_fields | {field: zone})
    assert [each["field"] for each in answer.json()["errors"]] == [field]


@pytest.fixture
def european(flights: Path, monitor_fields: dict[str, Any]) -> dict[str, Any]:
    """A monitor of the flights as CSV with semicolons and decimal commas, read as such."""
    folder = flights.parent / "european"
    folder.mkdir()
    for path in flights.glob("*.parquet"):
        frame = pq.read_table(path).to_pandas()
        frame.loc[::7, "delay"] = None
        frame.to_csv(folder / f"{path.stem}.csv", sep=";", decimal=",", index=False, na_rep="k.A.")
    return monitor_fields | {
        "reference_data_uri": str(folder),
        "current_data_uri": str(folder),
        "csv_dialect": {"delimiter": ";", "decimal": ","},
        "null_values": ["k.A."],
    }


def test_preview__dialect_and_null_words__are_those_of_the_fields(
    api: APIClient, european: dict[str, Any]
) -> None:
    answer = api.post(f"{URL}/preview", european).json()
    assert answer["features"] == {
        "delay": "numeric",
        "distance": "numeric",
        "carrier": "categorical",
    }
    assert answer["rows"] == 4000


def test_preview__budget__says_what_the_monitor_adds(
    api: APIClient, monitor_fields: dict[str, Any]
) -> None:
    hourly = monitor_fields | {"schedule_cron": "0 * * * *"}
    assert api.post(URL, hourly | {"name": "First"}).status_code == 201
    added = api.post(f"{URL}/preview", hourly | {"budget_weight": 3}).json()["budget"]
    assert (added["promised"], added["runs_per_month"]) == (5, pytest.approx(729.6))
    assert added["adds"] == pytest.approx(5 * 3 / 4)  # three shares of four


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"csv_dialect": {}}, "separated by semicolons, not by commas"),
        ({"csv_dialect": {"delimiter": "\t"}}, "separated by semicolons, not by tabs"),
        ({"csv_dialect": {"delimiter": ";", "encoding": "utf-16"}}, "UTF-16 text"),
    ],
)
def test_change__dialect_that_the_files_do_not_have__is_refused_by_post_and_patch(
    api: APIClient, european: dict[str, Any], change: dict[str, Any], reason: str
) -> None:
    url = f"{URL}/{api.post(URL, european).json()['id']}"
    posted = api.post(URL, european | change | {"name": "other"})
    for answer in (posted, api.patch(url, change)):
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["field"]) == (400, "reference_data_uri")
        assert reason in error["reason"]


def test_create__encoding_by_another_name__is_kept_as_it_is_written(
    api: APIClient, european: dict[str, Any]
) -> None:
    dialect = european["csv_dialect"] | {"encoding": "Latin1"}
    assert api.post(URL, european | {"csv_dialect": dialect}).json()["csv_dialect"] == dialect


def test_create__null_words_twice__are_kept_once(
    api: APIClient, monitor_fields: dict[str, Any]
) -> None:
    fields = monitor_fields | {"null_values": ["-", " ", "-"]}
    assert api.post(URL, fields).json()["null_values"] == ["-", " "]
