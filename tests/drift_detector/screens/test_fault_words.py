"""A fault in a window is named where people and programs look: in the run, the alert, the event, the notification."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from django.db.models import F
from django.test import Client

from alerts.models import Alert, Channel
from alerts.notifier.texts import Contents, message_of
from detections.models import Detection, DetectionRun, RunProfile
from drift_detector.events.models import OutboxEvent
from drift_detector.screens.feature_page import feature_address
from drift_detector.tenancy.models import Tenant, User
from monitors.models import Monitor
from tests.alerts.notifier.test_texts import notification
from tests.data import TIMESTAMPS, flights_like
from tests.detections.profiles.test_views import judged
from tests.drift_detector.screens.reading import page_text
from tests.factories import make_flights_monitor

WORDS = "looks like × 1.609 (miles to kilometres)"
WEEK = 2


def write_week(flights: Path, week: int, column: str, values: Any) -> pa.Table:
    """Write a week with other values in a column."""
    table = flights_like(week=WEEK, start=TIMESTAMPS[week])
    table = table.set_column(table.schema.get_field_index(column), column, values)
    pq.write_table(table, flights / f"week{week}.parquet")
    return table


def in_kilometres() -> Any:
    return pc.multiply(flights_like(week=WEEK, start=TIMESTAMPS[WEEK])["distance"], 1.609344)


@pytest.fixture
def monitor(in_tenant: Tenant, flights: Path) -> Monitor:
    """A monitor of flights whose third week has its distances in kilometres."""
    write_week(flights, WEEK, "distance", in_kilometres())
    return make_flights_monitor(flights, name="Flights")


@pytest.fixture
def run(monitor: Monitor) -> DetectionRun:
    return judged(monitor, week=WEEK)


def details_of(run: DetectionRun, feature: str) -> list[dict[str, Any]]:
    found = Detection.objects.filter(run=run, is_drifted=True)
    return [each for one in found for each in one.details if each["feature"] == feature]


def test_run__distances_in_kilometres__detection_and_event_name_it(run: DetectionRun) -> None:
    named = {"kind": "scale", "certainty": "likely", "text": WORDS}
    assert [each["fault"] for each in details_of(run, "distance")] == [named] * 2
    (event,) = OutboxEvent.objects.filter(envelope__type="drift.detected")
    (feature,) = event.envelope["data"]["drifted_features"]
    assert feature["fault"] == named


def test_run__distances_in_kilometres__alert_and_notification_name_it(run: DetectionRun) -> None:
    alert = Alert.objects.get()
    assert alert.cause["likely"] == f"In distance, the change {WORDS}."
    channel = Channel()
    contents = Contents(alert, list(alert.events.all()), {alert.id: alert})
    message = message_of(notification(channel, alert), channel, contents)
    assert f"Faults: distance {WORDS}" in message.text.splitlines()


def test_pages__distances_in_kilometres__name_it(
    run: DetectionRun, staff: User, client: Client
) -> None:
    client.force_login(staff)
    pages = (
        f"/admin/runs/{run.id}/",
        f"/admin/alerts/{Alert.objects.get().id}/",
        feature_address(run.monitor_id, "distance", run.id),
    )
    assert all(f"The change {WORDS}." in page_text(client.get(page)) for page in pages)


def test_pages__feature_that_became_sensitive__hide_it(
    run: DetectionRun, staff: User, client: Client
) -> None:
    Monitor.objects.update(sensitive_features=["distance"])
    client.force_login(staff)
    text = page_text(client.get(feature_address(run.monitor_id, "distance", run.id)))
    assert "distance" in text
    assert WORDS not in text


def test_run__sensitive_feature__has_no_name(in_tenant: Tenant, flights: Path) -> None:
    write_week(flights, WEEK, "distance", in_kilometres())
    run = judged(make_flights_monitor(flights, sensitive_features=["distance"]), week=WEEK)
    assert [each["fault"] for each in details_of(run, "distance")] == [None] * 2


def test_run__week_that_repeats_the_one_before__is_a_stale_copy(
    in_tenant: Tenant, flights: Path
) -> None:
    longer = flights_like(week=3, start=TIMESTAMPS[3])["delay"]
    for week in (2, 3):
        write_week(flights, week, "delay", longer)
    monitor = make_flights_monitor(flights)
    first, second = (judged(monitor, week=week) for week in (2, 3))
    assert {each["fault"] is None for each in details_of(first, "delay")} == {True}
    assert {each["fault"]["kind"] for each in details_of(second, "delay")} == {"stale"}


def test_run__week_that_repeats_an_older_one__is_no_stale_copy(
    in_tenant: Tenant, flights: Path
) -> None:
    """The window before is missing; what was there weeks earlier is no copy of it."""
    longer = flights_like(week=3, start=TIMESTAMPS[3])["delay"]
    for week in (2, 3):
        write_week(flights, week, "delay", longer)
    monitor = make_flights_monitor(flights)
    judged(monitor, week=2)
    weeks = timedelta(weeks=3)
    RunProfile.objects.update(
        window_start=F("window_start") - weeks, window_end=F("window_end") - weeks
    )
    second = judged(monitor, week=3)
    assert {each["fault"] is None for each in details_of(second, "delay")} == {True}


def test_run__other_rows_of_the_same_drift__are_no_stale_copy(
    in_tenant: Tenant, flights: Path
) -> None:
    longer = flights_like(week=3, start=TIMESTAMPS[3])["delay"]
    write_week(flights, 2, "delay", pc.add(longer, 0.1))
    write_week(flights, 3, "delay", longer)
    monitor = make_flights_monitor(flights)
    runs = [judged(monitor, week=week) for week in (2, 3)]
    assert {each["fault"] is None for run in runs for each in details_of(run, "delay")} == {True}
