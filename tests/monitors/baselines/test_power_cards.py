"""Power cards over real files, through the API and with each baseline."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient

from monitors.models import Baseline, Monitor
from tests.factories import make_flights_monitor

PREVIEW = "/api/v1/monitors/preview"


def stored_card() -> dict[str, Any]:
    card = Baseline.objects.get().calibration
    assert isinstance(card, dict)
    return card


def test_build_baseline__two_weeks_alike__card_without_alarms(
    in_tenant: None, flights: Path
) -> None:
    make_flights_monitor(flights)
    card = stored_card()
    assert (card["checks"], card["alarms"], card["rows"], card["reason"]) == (
        2,
        0,
        [2000, 2000],
        "",
    )
    assert card["window_rows"] == 2000


def test_build_baseline__one_week_of_four_drifted__alarms_name_what_drifted(
    in_tenant: None, flights: Path
) -> None:
    make_flights_monitor(flights, reference_start=None, reference_end=None)
    card = stored_card()
    assert card["checks"] == 4
    assert {"delay", "carrier"} <= set(card["drifted"])
    assert card["false_alarms_per_month"]["high"] >= card["false_alarms_per_month"]["estimate"] > 0


def test_build_baseline__four_windows__card_says_that_evidence_has_no_null(
    in_tenant: None, flights: Path
) -> None:
    make_flights_monitor(flights, reference_start=None, reference_end=None)
    assert stored_card()["nulls"] == {}
    assert "fewer than 6 windows" in stored_card()["null_reason"]


def test_build_baseline__no_timestamps__card_says_why_it_has_no_checks(
    in_tenant: None, flights: Path
) -> None:
    make_flights_monitor(flights, reference_start=None, reference_end=None, timestamp_column="")
    card = stored_card()
    assert card["checks"] == 0
    assert "timestamp column" in card["reason"]
    assert card["alarm_rate"] is None


def test_build_baseline__first_day_of_the_calendar__is_a_day_of_the_zone(
    in_tenant: None, data_root: Path
) -> None:
    """It begins in the year 0 of UTC, as systems write a time that they do not know."""
    times = [
        datetime(1, 1, 1),
        *[datetime(2024, 1, 1 + hour // 24, hour % 24) for hour in range(500)],
    ]
    path = data_root / "x.parquet"
    pq.write_table(pa.table({"departs_at": times, "n": range(501)}), path)
    bounds = {"reference_start": None, "reference_end": None, "feature_columns": ["n"]}
    make_flights_monitor(path, data_timezone="Europe/Berlin", **bounds)
    baseline = Baseline.objects.get()
    assert (baseline.status, baseline.rows) == ("ready", 501)


def test_build_baseline__smallest_changes__of_each_feature_in_its_unit(
    in_tenant: None, flights: Path
) -> None:
    make_flights_monitor(flights)
    changes = stored_card()["smallest_changes"]
    assert (
        0.088 < changes["delay"]["shift"] < 0.25
    )  # a KS distance of 0.035 of a normal feature is 0.088 σ
    assert 0 < changes["carrier"]["share"] < 0.1


def test_preview__monitor_to_be__card_and_nothing_saved(
    api: APIClient, monitor_fields: dict[str, Any]
) -> None:
    answer = api.post(PREVIEW, monitor_fields)
    assert answer.status_code == 200, answer.json()
    assert answer.json()["features"] == {
        "delay": "numeric",
        "distance": "numeric",
        "carrier": "categorical",
    }
    assert answer.json()["calibration"]["checks"] == 2
    assert not Monitor.objects.exists()


def test_preview__kinds_overridden__shown_as_asked(
    api: APIClient, monitor_fields: dict[str, Any]
) -> None:
    answer = api.post(PREVIEW, monitor_fields | {"feature_kinds": {"distance": "categorical"}})
    assert answer.json()["features"]["distance"] == "categorical"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"feature_kinds": {"carrier": "numeric"}}, "feature_kinds"),
        ({"feature_kinds": {"altitude": "numeric"}}, "feature_kinds"),
        ({"feature_kinds": {"delay": "round"}}, "feature_kinds"),
        ({"importances": {"delay": 0}}, "importances"),
        ({"reference_data_uri": "/etc/passwd"}, "reference_data_uri"),
    ],
)
def test_preview__bad_field__is_named(
    api: APIClient, monitor_fields: dict[str, Any], fields: dict[str, Any], name: str
) -> None:
    answer = api.post(PREVIEW, monitor_fields | fields)
    assert answer.status_code == 400
    assert name in answer.content.decode()


def test_preview__files_changed_shape__says_so(
    api: APIClient, monitor_fields: dict[str, Any], flights: Path
) -> None:
    pq.write_table(pq.read_table(flights / "week0.parquet").slice(0, 0), flights / "week0.parquet")
    pq.write_table(pq.read_table(flights / "week1.parquet").slice(0, 0), flights / "week1.parquet")
    answer = api.post(PREVIEW, monitor_fields)
    assert answer.status_code == 400
    assert "no row" in answer.content.decode()
