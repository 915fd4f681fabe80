"""Reads docs/monitors.md: each field has its place there, and the API takes each example."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from detections.models import DetectorState
from drift_detector.api.fields import IsoDurationField
from drift_detector.tenancy.models import Tenant
from monitors import services
from monitors.baselines.builds import build_baseline
from monitors.evaluation_plans import evaluation_plan
from monitors.models import Baseline, Monitor
from monitors.serializers import MonitorSerializer
from monitors.validators import check_concept_methods, check_detector_settings, check_thresholds
from tests.data import TIMESTAMPS, flights_like
from tests.factories import make_monitor

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "monitors.md").read_text()
URL = "/api/v1/monitors"
FOLDER = "/data/flights"
ROW = re.compile(r"^\| `(\w+)` \|(.*)\|$", re.MULTILINE)


def examples() -> list[dict[str, Any]]:
    """The JSON blocks: a whole monitor, then fields that are added to it."""
    blocks = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    first, *further = map(json.loads, blocks)
    return [first, *(first | fields for fields in further)]


def table(header: str) -> dict[str, list[str]]:
    """The further cells of the rows below a header, by the name in their first cell."""
    _, after = PAGE.split(f"{header}\n", 1)
    rows = after.split("\n\n")[0]
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in ROW.findall(rows)}


EXAMPLES = examples()
WRITABLE = {name for name, field in MonitorSerializer().fields.items() if not field.read_only}
SCHEDULE = table("## Schedule and windows\n\n| field | default | meaning |")
METHODS = table("| method | kinds | statistic | threshold | default | effect size | tolerance |")
DETECTORS = table("| detector | settings, with their calibrated values |")


def on_disk(fields: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The fields with a folder that exists."""
    body: dict[str, Any] = json.loads(json.dumps(fields).replace(FOLDER, str(folder)))
    return body


def text_of(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def other_values(monitor: Monitor) -> dict[str, Any]:
    """A value of each field that differs from the monitor's."""
    values: dict[str, Any] = {"positive_label": ""}
    for example in EXAMPLES:
        serializer = MonitorSerializer(data=example)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data.items()
        values |= {name: value for name, value in given if value != getattr(monitor, name)}
    assert values.keys() == WRITABLE
    return values


def with_model_columns(flights: pa.Table) -> pa.Table:
    """The flights with a gate, the answers of two models, and the label of one."""
    delays = flights["delay"].to_numpy()
    noise = np.random.default_rng(7).normal(0, 5, len(delays))
    return (
        flights.append_column("gate", pa.array(np.arange(len(delays)) % 5))
        .append_column("is_late", pa.array((delays > 15).astype(int)))
        .append_column("is_late_predicted", pa.array((delays + noise > 15).astype(int)))
        .append_column("late_probability", pa.array(1 / (1 + np.exp((15 - delays - noise) / 5))))
        .append_column("delay_predicted", pa.array(delays + noise))
    )


@pytest.fixture
def folder(data_root: Path) -> Path:
    """The data that the page's examples name."""
    folder = data_root / "flights"
    folder.mkdir()
    for week, start in enumerate(TIMESTAMPS):
        table = with_model_columns(flights_like(week=week, start=start))
        pq.write_table(table, folder / f"week{week}.parquet")
    return folder


def test_page__writable_fields__each_has_a_row() -> None:
    assert set(dict(ROW.findall(PAGE))) >= WRITABLE


def test_page__read_only_fields__are_all_named() -> None:
    _, section = PAGE.split("## Fields that you only read\n")
    fields = MonitorSerializer().fields.items()
    assert [name for name, field in fields if field.read_only and f"`{name}`" not in section] == []


@pytest.mark.parametrize("name", ["window", "window_lag", "misfire_grace", "catch_up", "timezone"])
def test_page__default_of_a_schedule_field__is_the_serializers(name: str) -> None:
    field = MonitorSerializer().fields[name]
    default = getattr(Monitor(), name)
    expected = field.to_representation(default) if isinstance(field, IsoDurationField) else default
    assert SCHEDULE[name][0] == f"`{expected}`"


def test_page__methods__are_those_of_the_api() -> None:
    field: Any = MonitorSerializer().fields["methods"]
    assert list(METHODS) == list(field.child.choices)


@pytest.mark.parametrize("method", METHODS)
def test_page__method__has_its_defaults(method: str) -> None:
    *_, threshold, _, tolerance = METHODS[method]
    if threshold == "none":
        with pytest.raises(ValidationError):
            check_thresholds({method: 0.1})
        return
    limits = evaluation_plan(Monitor(methods=[method], min_rows=1)).methods[method]  # type: ignore[index]
    assert float(threshold) == limits.threshold
    assert (limits.threshold if tolerance == "the threshold" else float(tolerance)) == (
        limits.tolerance
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("column", "kind"), [("delay", "numeric"), ("carrier", "categorical")])
def test_page__method__is_accepted_for_a_feature_of_its_kind(
    api: APIClient, folder: Path, method: str, column: str, kind: str
) -> None:
    fields = EXAMPLES[0] | {"methods": [method], "feature_columns": [column]}
    response = api.post(f"{URL}/preview", on_disk(fields, folder))
    assert (response.status_code == 200) == (METHODS[method][0] in (kind, "both", "the window"))


def test_page__detectors__have_the_settings_that_the_service_stores(
    api: APIClient, in_tenant: Tenant
) -> None:
    monitor = make_monitor(concept_methods=list(DETECTORS))
    api.post(f"{URL}/{monitor.id}/outcomes", [{"error": 0}])
    stored = {state.method: state.state for state in DetectorState.objects.all()}
    assert stored.keys() == DETECTORS.keys()
    for method, (text,) in DETECTORS.items():
        written = dict(re.findall(r"`(\w+)` `?([\w.]+)`?", text))
        assert written == {name: text_of(stored[method][name]) for name in written}


def test_page__detectors__are_those_of_the_api() -> None:
    with pytest.raises(ValidationError) as refused:
        check_concept_methods(["none"])
    [sentence] = refused.value.messages
    assert re.findall(r"\w+", sentence.split("some of ")[1]) == list(DETECTORS)


@pytest.mark.parametrize("method", DETECTORS)
def test_page__detector__names_every_setting(method: str) -> None:
    with pytest.raises(ValidationError) as refused:
        check_detector_settings({method: {"none": 1}})
    [sentence] = refused.value.messages
    names = re.findall(r"\w+", sentence.split("it has ")[1])
    assert re.findall(r"`(\w+)` `?[\w.]+`?", DETECTORS[method][0]) == names


def test_page__fields_that_build_a_baseline__do(in_tenant: Tenant) -> None:
    monitor, rebuilt = make_monitor(), set()
    for name, value in other_values(monitor).items():
        versions = monitor.baselines.count()
        services.update_monitor(monitor=monitor, **{name: value})
        if monitor.baselines.count() > versions:
            rebuilt.add(name)
    _, section = PAGE.split("## Change a monitor\n")
    sentence = re.search(r"A change of (.*?) builds a new version", section, re.DOTALL)
    assert sentence
    assert set(re.findall(r"`(\w+)`", sentence[1])) == rebuilt


def test_page__windows__are_those_of_the_example() -> None:
    [example] = [each for each in EXAMPLES if each.get("timezone") == "Europe/Berlin"]
    serializer = MonitorSerializer(data=example)
    serializer.is_valid(raise_exception=True)
    monitor = Monitor(**serializer.validated_data)
    windows = re.findall(r"^\| (2024\S+) \| (2024\S+) \| (2024\S+) \|$", PAGE, re.MULTILINE)
    assert len(windows) == 2
    for tick, start, end in (map(datetime.fromisoformat, row) for row in windows):
        assert monitor.window_at(tick) == (start, end)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_page__example__is_accepted_and_its_baseline_is_built(
    api: APIClient, in_tenant: Tenant, folder: Path, example: dict[str, Any]
) -> None:
    response = api.post(URL, on_disk(example, folder))
    assert response.status_code == 201, response.json()
    baseline = Baseline.objects.get()
    build_baseline(tenant_id=in_tenant.id, baseline_id=baseline.id, worker="worker-1")
    baseline.refresh_from_db()
    assert (baseline.status, baseline.reason) == ("ready", "")
    assert "reason" not in (baseline.performance or {})


def test_page__examples__use_each_optional_field() -> None:
    used = {name for example in EXAMPLES for name in example}
    assert used == WRITABLE
