from urllib.parse import urlencode

import pyarrow.parquet as pq
import pytest
from django.test import Client

from detections.models import DetectionRun
from drift_detector.tenancy.models import Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.detections.profiles.test_views import judged
from tests.drift_detector.screens.queries import at_most
from tests.drift_detector.screens.reading import page_text
from tests.factories import make_monitor


@pytest.fixture
def browser(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


def address(monitor: Monitor, feature: str, run: DetectionRun | None = None) -> str:
    query = {"name": feature} | ({"run": str(run.id)} if run else {})
    return f"/admin/monitors/{monitor.id}/feature/?{urlencode(query)}"


def test_feature__judged_window__shows_its_distribution_and_quantiles(
    browser: Client, flights_monitor: Monitor
) -> None:
    run = judged(flights_monitor, week=3)
    page = browser.get(address(flights_monitor, "distance", run))
    assert page.status_code == 200
    assert "distance: reference and current distribution" in page.content.decode()
    assert "Median" in page_text(page)


def test_feature__category__shows_the_shares_of_the_window(
    browser: Client, flights_monitor: Monitor
) -> None:
    run = judged(flights_monitor, week=3)
    span = [("departs_at", ">=", run.window_start), ("departs_at", "<", run.window_end)]
    carriers = pq.read_table(flights_monitor.current_data_uri, filters=span)["carrier"].to_pylist()
    most = max(set(carriers), key=carriers.count)
    page = browser.get(address(flights_monitor, "carrier", run)).content.decode()
    assert f"{most}: current {carriers.count(most) / len(carriers):.2%}" in page


def test_feature__later_window__is_one_click_away(
    browser: Client, flights_monitor: Monitor
) -> None:
    first, second = judged(flights_monitor, week=2), judged(flights_monitor, week=3)
    page = browser.get(address(flights_monitor, "distance", first)).content.decode()
    later = address(flights_monitor, "distance", second).replace("&", "&amp;")
    assert f'href="{later}" rel="next"' in page
    assert 'rel="prev"' not in page


def test_feature__without_a_run__shows_the_latest_window(
    browser: Client, flights_monitor: Monitor
) -> None:
    judged(flights_monitor, week=2)
    latest = judged(flights_monitor, week=3)
    page = browser.get(address(flights_monitor, "distance"))
    assert page.context["run"].id == latest.id


@pytest.mark.parametrize("name", ["", "no such", "<script>"])
def test_feature__that_is_none__is_not_found(
    browser: Client, flights_monitor: Monitor, name: str
) -> None:
    judged(flights_monitor, week=3)
    assert browser.get(address(flights_monitor, name)).status_code == 404


def test_feature__of_another_tenant__is_not_found(browser: Client, other_tenant: Tenant) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_monitor(name="Secret monitor")
    page = browser.get(address(theirs, "distance"))
    assert page.status_code == 404
    assert "Secret monitor" not in page.content.decode()


def test_feature__signed_out__asks_to_sign_in(client: Client, flights_monitor: Monitor) -> None:
    page = client.get(address(flights_monitor, "distance"))
    assert page.status_code == 302
    assert "/admin/login/" in page["Location"]


def test_feature__sensitive__shows_no_value(browser: Client, flights_monitor: Monitor) -> None:
    flights_monitor.sensitive_features = ["carrier"]
    flights_monitor.save()
    run = judged(flights_monitor, week=3)
    table = pq.read_table(flights_monitor.current_data_uri, columns=["carrier"])
    page = browser.get(address(flights_monitor, "carrier", run)).content.decode()
    assert "category 1: current" in page
    assert not [name for name in set(table["carrier"].to_pylist()) if f">{name}: " in page]


def test_feature__with_windows__takes_few_queries(
    browser: Client, flights_monitor: Monitor
) -> None:
    for week in range(1, 4):
        judged(flights_monitor, week=week)
    with at_most(15):
        browser.get(address(flights_monitor, "distance"))
