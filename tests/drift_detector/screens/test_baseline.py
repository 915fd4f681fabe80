"""The page of a baseline version."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from django.test import Client

from detections.runs.execution import execute
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline, Monitor
from tests.data import TIMESTAMPS
from tests.factories import make_flights_monitor, make_monitor, make_run

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def ana(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def ready(flights: Path, in_tenant: Tenant) -> Baseline:
    """A baseline that a worker has built, one of its features with a hostile name."""
    for path in flights.glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.append_column(HOSTILE, table["distance"]), path)
    return make_flights_monitor(flights).baselines.get()


@pytest.fixture
def judging(ready: Baseline) -> Baseline:
    """The same after its first run."""
    run = make_run(ready.monitor, week=2)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    return ready


def address(baseline: Baseline) -> str:
    return f"/admin/baselines/{baseline.id}/"


def words(page: Any) -> str:
    content = page.content.decode()
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", content)))


def test_baseline_page__ready__shows_rows_hash_and_charts(
    ana: Client, judging: Baseline, flights: Path
) -> None:
    span = (ds.field("departs_at") >= TIMESTAMPS[0]) & (ds.field("departs_at") < TIMESTAMPS[2])
    rows = ds.dataset(flights).count_rows(filter=span)
    page = ana.get(address(judging))
    content = page.content.decode()
    assert f"<dd>{rows}</dd>" in content
    assert judging.content_hash in content
    assert content.count('class="plot plot-distribution"') == 4
    assert HOSTILE in words(page)
    assert "<img src=x" not in content
    assert "{&#x27;" not in content


def test_baseline_page__power_card__is_in_words(ana: Client, ready: Baseline) -> None:
    card = ready.calibration
    shown = words(ana.get(address(ready)))
    assert card is not None
    checked = f"{card['checks']} windows of the reference were checked against the rest of it"
    assert checked in shown or "is not known" in shown
    assert "standard deviations" in shown


def test_baseline_page__sensitive__shows_shares_and_no_values(
    ana: Client, judging: Baseline
) -> None:
    Monitor.objects.update(sensitive_features=list(judging.features))
    page = ana.get(address(judging))
    assert "median" not in words(page)
    assert "most frequent" not in words(page)
    assert ">cell 1<" in page.content.decode()
    assert ">A<" not in page.content.decode()


def test_baseline_page__building__shows_progress_and_asks_again(
    ana: Client, in_tenant: Tenant
) -> None:
    baseline = make_monitor().baselines.get()
    page = ana.get(address(baseline)).content.decode()
    assert "<progress" in page
    assert f'hx-get="{address(baseline)}"' in page


def test_baseline_page__failed__says_why(ana: Client, in_tenant: Tenant) -> None:
    baseline = make_monitor().baselines.get()
    Baseline.objects.update(status="failed", reason="There is nothing at <b>.")
    page = ana.get(address(baseline))
    assert "There is nothing at <b>." in words(page)
    assert f'hx-get="{address(baseline)}"' not in page.content.decode()


def test_baseline_page__new_version__is_asked_for_by_an_operator(
    ana: Client, ready: Baseline
) -> None:
    answer = ana.post(address(ready))
    newest = Baseline.objects.get(version=2)
    assert (answer.status_code, answer["Location"]) == (302, address(newest))
    Membership.objects.update(role=Role.VIEWER)
    assert ana.post(address(ready)).status_code == 403
    assert "Build a new version" not in words(ana.get(address(ready)))


def test_baseline_page__of_another_tenant__is_not_found(ana: Client, other_tenant: Tenant) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_monitor().baselines.get()
    assert ana.get(address(theirs)).status_code == 404
    assert ana.post(address(theirs)).status_code == 404


def test_baseline_page__many_features__come_in_pages(ana: Client, ready: Baseline) -> None:
    names = {f"f{place:03}": "numeric" for place in range(45)}
    failed = Baseline.objects.create(
        tenant_id=ready.tenant_id, monitor=ready.monitor, version=9, status="failed", features=names
    )
    page = ana.get(address(failed), {"page": 3})
    assert [each["name"] for each in page.context["features"]] == [
        f"f{n:03}" for n in range(40, 45)
    ]


def test_baseline_page__queries__are_few(
    ana: Client, ready: Baseline, django_assert_max_num_queries: Any
) -> None:
    ana.get(address(ready))
    with django_assert_max_num_queries(30) as captured:
        ana.get(address(ready))
    asked = [each["sql"] for each in captured.captured_queries]
    assert len([sql for sql in asked if " FROM " in sql]) <= 15


def test_baseline_list__row__leads_to_its_page(ana: Client, ready: Baseline) -> None:
    assert address(ready) in ana.get("/admin/monitors/baseline/").content.decode()
