"""Plants values in sensitive features, and looks for them everywhere but in the baseline."""

import csv
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest
from django.db import connection
from rest_framework.test import APIClient

from detections.models import Detection, DetectionRun
from detections.reports.report_columns import ComparableWindows
from detections.runs.execution import execute
from drift_detector.tenancy.models import Tenant
from monitors.models import Baseline, Monitor
from monitors.sources import table_from_bytes, table_to_bytes
from tests.data import TIMESTAMPS
from tests.factories import WEEK, make_flights_monitor, make_run

MARKERS = ("271828", "314159", "161803", "marker")
SENSITIVE = ["income", "city"]
METHODS = ["ks", "psi", "wasserstein", "range", "new_categories", "chi_squared", "null_rate", "schema",
           "jensen_shannon", "hellinger", "anderson_darling"]  # fmt: skip
NEEDED = {"drf_baselines": {"content"}}
"""What windows are compared with; docs/data.md says so."""


def write_week(path: Path, week: int, *, income: float, cities: list[str], word: str = "") -> None:
    rng, start = np.random.default_rng(week), TIMESTAMPS[0] + week * WEEK
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["departs_at", "income", "city", "n"])
        for place in range(400):
            at = start + place * timedelta(minutes=20)
            value = word if word and place == 200 else f"{income + rng.random():.4f}"
            rows.writerow([at.isoformat(), value, cities[place % len(cities)], rng.random()])


@pytest.fixture
def watched(in_tenant: Tenant, data_root: Path) -> Monitor:
    """A monitor of CSV files with a week of reference, a drifted week and a week with a misfit."""
    folder = data_root / "people"
    folder.mkdir()
    write_week(folder / "0.csv", 0, income=314159, cities=["marker-a", "marker-b"])
    write_week(folder / "1.csv", 1, income=271828, cities=["marker-a", "marker-new"])
    monitor = make_flights_monitor(
        folder, reference_end=TIMESTAMPS[1], sensitive_features=SENSITIVE, methods=METHODS
    )
    write_week(folder / "2.csv", 2, income=314159, cities=["marker-b"], word="marker-word")
    return monitor


def judge(monitor: Monitor, week: int, **fields: Any) -> DetectionRun:
    run = make_run(monitor, week=week, **fields)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    run.refresh_from_db()
    assert run.status == "succeeded", run.reason
    return run


def readable(content: bytes) -> str:
    """The bytes, decompressed where they are compressed."""
    try:
        return zlib.decompress(content).decode()
    except zlib.error:
        pass
    try:
        return str(table_from_bytes(content).to_pydict())
    except Exception:
        return content.decode(errors="replace")


def stored_texts() -> Iterator[tuple[str, str]]:
    """Each value of each of the service's tables, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE tablename LIKE 'drf\\_%'"
            " AND has_table_privilege(quote_ident(tablename), 'SELECT')"  # not a partition by itself
        )
        tables = [row[0] for row in cursor.fetchall()]
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column.name for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    if name not in NEEDED.get(table, ()):
                        is_binary = isinstance(value, bytes | memoryview)
                        yield f"{table}.{name}", readable(bytes(value)) if is_binary else str(value)


def found_in(texts: Iterator[tuple[str, str]]) -> list[str]:
    return sorted({where for where, text in texts for marker in MARKERS if marker in text})


def judge_all(monitor: Monitor) -> list[DetectionRun]:
    inline = {"income": [161803.5] * 80, "city": ["marker-sent"] * 80, "n": [0.5] * 80}
    content = table_to_bytes(pa.table(inline))
    sent = judge(monitor, 3, inline_data=content, trigger="manual")
    return [judge(monitor, 1), judge(monitor, 2), sent]


def test_sensitive__values_planted__are_in_no_table_log_or_event(
    watched: Monitor, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("DEBUG"):
        runs = judge_all(watched)
    assert runs[0].verdict == "drift"
    assert Detection.objects.filter(run=runs[0], is_drifted=True).count() >= 3
    assert found_in(stored_texts()) == []
    output = capfd.readouterr()
    assert not [each for each in MARKERS if each in caplog.text + output.out + output.err]


def test_sensitive__values_planted__are_in_no_answer(watched: Monitor, api: APIClient) -> None:
    runs = judge_all(watched)
    urls = [
        *(f"/api/v1/runs/{run.id}{part}" for run in runs for part in ("", "/profile")),
        f"/api/v1/monitors/{watched.id}",
        f"/api/v1/monitors/{watched.id}/series",
        f"/api/v1/monitors/{watched.id}/baselines",
        *(f"/api/v1/monitors/{watched.id}/series?feature={name}" for name in SENSITIVE),
        "/api/v1/detections?include=details",
        "/api/v1/alerts",
    ]
    answers = [(url, api.get(url)) for url in urls]
    assert {answer.status_code for _, answer in answers} == {200}
    assert found_in((url, answer.content.decode()) for url, answer in answers) == []


def test_sensitive__same_data_without_the_mark__hold_the_values(
    watched: Monitor, api: APIClient
) -> None:
    """What is looked for can be found."""
    Monitor.objects.filter(id=watched.id).update(sensitive_features=[])
    watched.refresh_from_db()
    judge_all(watched)
    places = found_in(stored_texts())
    assert {"drf_detections.details", "drf_profiles.drawn", "drf_runs.inline_data"} <= {*places}
    assert "drf_baseline_frames.content" in places
    assert any("marker-word" in text for _, text in stored_texts())


def test_sensitive__marked_later__is_left_out_of_earlier_answers(
    watched: Monitor, api: APIClient
) -> None:
    Monitor.objects.filter(id=watched.id).update(sensitive_features=[])
    watched.refresh_from_db()
    runs = judge_all(watched)
    Monitor.objects.filter(id=watched.id).update(sensitive_features=SENSITIVE)
    urls = [
        f"/api/v1/runs/{runs[0].id}/profile",
        f"/api/v1/monitors/{watched.id}/series?feature=income",
        "/api/v1/detections?include=details",
    ]
    assert found_in((url, api.get(url).content.decode()) for url in urls) == []


def test_sensitive__baseline_fails__reason_names_no_value(
    in_tenant: Tenant, data_root: Path
) -> None:
    folder = data_root / "misfits"
    folder.mkdir()
    write_week(folder / "0.csv", 0, income=314159, cities=["marker-a"], word="marker-word")
    fields = {"sensitive_features": ["income"], "feature_kinds": {"income": "numeric"}}
    monitor = make_flights_monitor(folder, reference_end=TIMESTAMPS[1], **fields)
    [baseline] = Baseline.objects.filter(monitor=monitor)
    assert baseline.status == "failed"
    assert "income" in baseline.reason
    assert "marker" not in baseline.reason


def test_report__sensitive_columns__are_not_compared() -> None:
    table = pa.table({"x": [1.0], "y": [2.0]})
    found = ComparableWindows.of(table, table, {"x": "numeric", "y": "numeric"}, ["x"])
    assert found.reference.column_names == ["y"]
    assert found.left_out == {"x": "it is sensitive"}


@pytest.mark.parametrize("names", [["nope"], ["delay", 3], "delay", {"delay": 1}])
def test_sensitive_features__unknown_or_no_list__are_refused(
    api: APIClient, monitor_fields: dict[str, Any], names: Any
) -> None:
    body = monitor_fields | {"sensitive_features": names, "name": f"m {uuid4()}"}
    answer = api.post("/api/v1/monitors", body)
    assert answer.status_code == 400
    [field] = [each["field"] for each in answer.json()["errors"]]
    assert field.startswith("sensitive_features")
