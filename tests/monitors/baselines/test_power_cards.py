"""Power cards over real files, through the API and with each baseline."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient
from scipy import stats

from algorithms.method_results import Reference as ComparedWith
from algorithms.methods import Method
from monitors.evaluation_plans import evaluation_plan
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


def daily(folder: Path, days: int, shift: Callable[[int], float] = lambda day: 0.0) -> Path:
    """A file of days from 1 January 2024 on, of 300 rows each."""
    random, start = np.random.default_rng(3), np.datetime64("2024-01-01", "us")
    times = start + np.arange(days * 300) * np.timedelta64(288, "s")
    means = np.repeat([shift(day) for day in range(days)], 300)
    table = {"departs_at": pa.array(times, pa.timestamp("us", "UTC")), "n": random.normal(means)}
    folder.mkdir()
    pq.write_table(pa.table(table), folder / "days.parquet", row_group_size=9000)
    return folder


def card_of(folder: Path, days: int, **fields: Any) -> dict[str, Any]:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    bounds = {"reference_start": start, "reference_end": start + timedelta(days=days)}
    daily_ticks = {"window": timedelta(days=1), "schedule_cron": "0 0 * * *", "methods": ["ks"]}
    make_flights_monitor(folder, **bounds | daily_ticks | fields)
    return stored_card()


PREVIOUS = {"kind": "previous"}
WEEKLY: Callable[[int], float] = lambda day: 3.0 * (day % 7 == 6)  # noqa: E731


def test_card__reference_in_time__its_windows_are_judged_by_their_earlier_times(
    in_tenant: None, data_root: Path
) -> None:
    card = card_of(daily(data_root / "days", 30), 30, references_in_time=[PREVIOUS])
    [found] = card["references"]
    assert (found["reference"], found["settings"], found["reason"]) == ("previous", PREVIOUS, "")
    assert found["checks"] == 29
    assert set(found["nulls"]) == {"ks n"}


def test_card__reference_in_time__effects_agree_with_scipy(
    in_tenant: None, data_root: Path
) -> None:
    folder = daily(data_root / "days", 3)
    card = card_of(folder, 3, references_in_time=[PREVIOUS])
    values = pq.read_table(folder)["n"].to_numpy().reshape(3, 300)
    expected = [stats.ks_2samp(values[day], values[day + 1]).statistic for day in range(2)]
    assert card["references"][0]["effects"]["ks n"]["1"] == pytest.approx(max(expected), abs=1e-9)


def test_card__pattern_that_earlier_weeks_share__differs_from_the_window_before_alone(
    in_tenant: None, data_root: Path
) -> None:
    folder = daily(data_root / "days", 56, WEEKLY)
    both = card_of(
        folder,
        56,
        references_in_time=[PREVIOUS],
        seasonal_weeks=2,
        judged_by="references_in_time",
    )
    seasonal, previous = both["references"]
    assert (seasonal["reference"], previous["reference"]) == ("seasonal", "previous")
    assert seasonal["effects"]["ks n"]["1"] < 0.2
    assert previous["effects"]["ks n"]["0.9"] > 0.8  # two normal features that lie 3 σ apart
    rates = [each["alarm_rate"]["estimate"] for each in (seasonal, previous)]
    expected = card_rate(both)
    assert expected == pytest.approx(min(1.0, sum(rates)))


def card_rate(card: dict[str, Any]) -> float:
    """The false alarms that the card expects of a check."""
    rate: float = card["false_alarms_per_month"]["estimate"] / card["checks_per_month"]
    return rate


def test_card__either__expects_the_alarms_of_the_baseline_too(
    in_tenant: None, data_root: Path
) -> None:
    card = card_of(daily(data_root / "days", 30), 30, references_in_time=[PREVIOUS])
    rates = [card["alarm_rate"], card["references"][0]["alarm_rate"]]
    assert card_rate(card) == pytest.approx(min(1.0, sum(each["estimate"] for each in rates)))


def test_card__reference_that_does_not_fit__says_so_and_expects_nothing(
    in_tenant: None, data_root: Path
) -> None:
    card = card_of(
        daily(data_root / "days", 20),
        20,
        references_in_time=[{"kind": "month_of_year", "years": 1}],
        judged_by="references_in_time",
    )
    [found] = card["references"]
    assert (found["checks"], found["alarm_rate"]) == (0, None)
    assert "too short" in found["reason"]
    assert card["false_alarms_per_month"] is None


def test_plan__card_with_the_settings_of_now__knows_what_is_usual_in_time(
    in_tenant: None, data_root: Path
) -> None:
    card_of(daily(data_root / "days", 30), 30, references_in_time=[PREVIOUS])
    monitor, baseline = Monitor.objects.get(), Baseline.objects.get()
    known = evaluation_plan(monitor, baseline.calibration).in_time[ComparedWith.PREVIOUS]
    assert known.nulls[Method.KS, "n"].windows == 29
    assert known.effects[Method.KS, "n"] > 0
    monitor.references_in_time = [{"kind": "trailing", "length": "P7D", "offset": "PT0S"}]
    assert not evaluation_plan(monitor, baseline.calibration).in_time
