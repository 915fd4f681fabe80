"""The page of a stream: its error rate, its detectors and their changes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from alerts.models import Alert
from detections.models import DetectorState, ErrorBin, OutcomeStream, SignalChange
from detections.outcomes.outcome_tables import rows_from_json
from detections.outcomes.services import accept_outcomes
from drift_detector.tenancy.models import Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.factories import make_monitor

START = datetime(2024, 3, 1, tzinfo=UTC)
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def ana(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Flights", timezone="Europe/Berlin")


@pytest.fixture
def stream(monitor: Monitor) -> OutcomeStream:
    """A stream of 200 outcomes, one an hour: all right at first, all wrong in the second half."""
    rows = [
        {"error": int(place >= 100), "occurred_at": (START + timedelta(hours=place)).isoformat()}
        for place in range(200)
    ]
    table = rows_from_json(rows)
    accept_outcomes(monitor=monitor, stream=HOSTILE, batch_id="a", rows=table)
    return OutcomeStream.objects.get()


def address(stream: OutcomeStream) -> str:
    return f"/admin/streams/{stream.id}/"


def words(page: Any) -> str:
    content = page.content.decode()
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", content)))


def test_stream_page__after_a_rise__marks_the_change_and_names_it(
    ana: Client, stream: OutcomeStream
) -> None:
    page = ana.get(address(stream))
    drifts = SignalChange.objects.filter(signal="drift").count()
    assert drifts
    assert page.content.decode().count('class="moment-change"') == drifts
    assert "the last change was a rise" in words(page)
    assert "200 outcomes in this chart, 200 in all" in words(page)
    assert "<img src=x" not in page.content.decode()


def test_stream_page__all_detectors__are_in_the_table(ana: Client, stream: OutcomeStream) -> None:
    page = ana.get(address(stream))
    shown = {each["method"]: each for each in page.context["detectors"]}
    assert set(shown) == set(DetectorState.objects.values_list("method", flat=True))
    adwin = DetectorState.objects.get(method="adwin")
    assert shown["adwin"]["window"] == f"{adwin.state['n']} outcomes"
    assert shown["adwin"]["drifts"] == adwin.drifts


def test_stream_page__times__are_in_the_monitors_zone(ana: Client, stream: OutcomeStream) -> None:
    at = SignalChange.objects.latest("occurred_at").occurred_at + timedelta(hours=1)
    assert f"{at:%Y-%m-%d %H:%M} CET" in words(ana.get(address(stream)))


def test_stream_page__a_shorter_span__is_drawn_of_finer_bins(
    ana: Client, stream: OutcomeStream
) -> None:
    recent = ErrorBin.objects.filter(start__gte=START + timedelta(hours=100))
    ErrorBin.objects.filter(width=15 * 60).exclude(id__in=recent.values("id")).delete()
    widths = [
        ana.get(address(stream), query).context["bin_seconds"] for query in ({}, {"last": "day"})
    ]
    assert widths == [6 * 3600, 15 * 60]
    assert ana.get(address(stream), {"last": "'--"}).status_code == 200


def test_stream_page__its_alert__is_linked(ana: Client, stream: OutcomeStream) -> None:
    alert = Alert.objects.get(kind="concept")
    assert f"/admin/alerts/{alert.id}/" in ana.get(address(stream)).content.decode()
    page = ana.get(f"/admin/alerts/{alert.id}/").content.decode()
    assert address(stream) in page
    assert 'class="plot plot-lines"' in page


def test_stream_page__without_outcomes__says_so(ana: Client, monitor: Monitor) -> None:
    empty = OutcomeStream.objects.create(tenant_id=monitor.tenant_id, monitor=monitor, name="empty")
    assert "nothing to draw yet" in words(ana.get(address(empty)))


def test_stream_page__of_another_tenant__is_not_found(ana: Client, other_tenant: Tenant) -> None:
    with tenant_scope(other_tenant.id):
        theirs = OutcomeStream.objects.create(
            tenant_id=other_tenant.id, monitor=make_monitor(), name="theirs"
        )
    assert ana.get(address(theirs)).status_code == 404


def test_stream_page__queries__are_few(
    ana: Client, stream: OutcomeStream, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    ana.get(address(stream))
    with django_assert_max_num_queries(30) as captured:
        ana.get(address(stream), {"last": "week"})
    asked = [each["sql"] for each in captured.captured_queries]
    assert len([sql for sql in asked if " FROM " in sql]) <= 15


def test_detector_list__row__leads_to_the_stream(ana: Client, stream: OutcomeStream) -> None:
    page = ana.get("/admin/detections/detectorstate/").content.decode()
    assert address(stream) in page
    state = DetectorState.objects.get(method="adwin")
    old = ana.get(f"/admin/detections/detectorstate/{state.id}/change/")
    assert (old.status_code, old["Location"]) == (302, address(stream))
