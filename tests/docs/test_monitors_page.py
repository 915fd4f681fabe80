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
from rest_framework.test import APIClient

from algorithms.concept_drift.methods import (
    CALIBRATED,
    DETECTORS,
    ConceptMethod,
    setting_names,
)
from algorithms.plan import DEFAULT_LIMITS, METHOD_KINDS, NUMERIC, Method
from drift_detector.api.fields import IsoDurationField
from drift_detector.tenancy.models import Tenant
from monitors.baselines.builds import build_baseline
from monitors.models import Baseline, Monitor
from monitors.serializers import MonitorSerializer
from monitors.services import REFERENCE_FIELDS
from tests.data import TIMESTAMPS, flights_like

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "monitors.md").read_text()
URL = "/api/v1/monitors"
FOLDER = "/data/flights"
ROW = re.compile(r"^\| `(\w+)` \|(.*)\|$", re.MULTILINE)


def examples() -> list[dict[str, Any]]:
    """The JSON blocks: a whole monitor, then fields that are added to it."""
    blocks = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    first, *further = map(json.loads, blocks)
    return [first, *(first | fields for fields in further)]


EXAMPLES = examples()


def rows_below(heading: str) -> dict[str, list[str]]:
    """The cells of the tables below a heading, by the name in the first column."""
    _, after = PAGE.split(f"{heading}\n", 1)
    section = re.split(r"^#", after, maxsplit=1, flags=re.MULTILINE)[0]
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in ROW.findall(section)}


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
    fields = MonitorSerializer().fields.items()
    writable = {name for name, field in fields if not field.read_only}
    assert writable - set(dict(ROW.findall(PAGE))) == set()


def test_page__read_only_fields__are_all_named() -> None:
    _, section = PAGE.split("## Fields that you only read\n")
    fields = MonitorSerializer().fields.items()
    assert [name for name, field in fields if field.read_only and f"`{name}`" not in section] == []


@pytest.mark.parametrize("name", ["window", "window_lag", "misfire_grace", "catch_up", "timezone"])
def test_page__default_of_a_schedule_field__is_the_serializers(name: str) -> None:
    field = MonitorSerializer().fields[name]
    default = Monitor._meta.get_field(name).default
    expected = field.to_representation(default) if isinstance(field, IsoDurationField) else default
    assert rows_below("## Schedule and windows")[name][0] == f"`{expected}`"


@pytest.mark.parametrize("method", list(Method))
def test_page__method__has_its_kind_and_its_default_threshold(method: Method) -> None:
    kinds, _, _, default, *_ = rows_below("## Methods and limits")[method]
    names = {2: "both", 0: "the window"}
    only = "numeric" if METHOD_KINDS[method] == NUMERIC else "categorical"
    assert kinds == names.get(len(METHOD_KINDS[method]), only)
    assert float(default) == DEFAULT_LIMITS[method].threshold


@pytest.mark.parametrize("method", list(ConceptMethod))
def test_page__detector__has_its_settings_with_calibrated_values(method: ConceptMethod) -> None:
    [text] = [cells[0] for name, cells in rows_below("### Detectors").items() if name == method]
    defaults = {entry: getattr(DETECTORS[method](), entry) for entry in setting_names(method)}
    written = dict(re.findall(r"`(\w+)` `?([\w.]+)`?", text))
    assert {name: str(value) for name, value in written.items()} == {
        name: value if isinstance(value, str) else f"{value:g}"
        for name, value in {**defaults, **CALIBRATED[method]}.items()
    }


def test_page__fields_that_build_a_baseline__are_the_services() -> None:
    _, section = PAGE.split("## Change a monitor\n")
    sentence = re.search(r"A change of (.*?) builds a new version", section, re.DOTALL)
    assert sentence
    assert set(re.findall(r"`(\w+)`", sentence[1])) == REFERENCE_FIELDS


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
    body = json.loads(json.dumps(example).replace(FOLDER, str(folder)))
    response = api.post(URL, body)
    assert response.status_code == 201, response.json()
    baseline = Baseline.objects.get()
    build_baseline(tenant_id=in_tenant.id, baseline_id=baseline.id, worker="worker-1")
    baseline.refresh_from_db()
    assert (baseline.status, baseline.reason) == ("ready", "")
    assert "reason" not in (baseline.performance or {})


def test_page__examples__use_each_optional_field() -> None:
    used = {name for example in EXAMPLES for name in example}
    assert set(MonitorSerializer().get_fields()) - used == {
        "id", "baseline", "created_by", "created_at", "updated_at",
    }  # fmt: skip
