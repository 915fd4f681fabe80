"""The home page shows what the tenant's rows say, the worst first, in few queries."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts.models import Alert
from detections.models import DetectionRun
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from tests.data import TIMESTAMPS
from tests.factories import WEEK, make_finished_run, make_monitor, make_run

HOME, ALERTS = "/admin/", "/admin/alerts/alert/"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def person(client: Client, staff: User, in_tenant: Tenant) -> Client:
    client.force_login(staff)
    return client


def make_alert(run: DetectionRun, severity: str = "warning", **fields: Any) -> Alert:
    """An open alert about a run, with one drifted feature."""
    entry = {"feature": "delay", "method": "ks", "effect_size": 0.4, "severity": severity}
    values: dict[str, Any] = {
        "kind": "statistical",
        "severity": severity,
        "peak_severity": severity,
        "summary": f"{severity} drift of delay",
        "drifted_features": [entry],
        "last_run": run,
        "window_start": run.window_start,
        "window_end": run.window_end,
        "opened_at": timezone.now(),
    }
    return Alert.objects.create(
        tenant_id=run.tenant_id, monitor_id=run.monitor_id, **values | fields
    )


def html(client: Client, url: str = HOME) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def statements_of(client: Client, url: str) -> int:
    """The statements of a page; the savepoints stand for transactions of their own outside of tests."""
    with CaptureQueriesContext(connection) as captured:
        html(client, url)
    return sum("SAVEPOINT" not in query["sql"] for query in captured.captured_queries)


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", page)))


def links(page: str) -> list[tuple[str, str]]:
    """The addresses and the words of the links of a page."""
    found = re.findall(r'<a\b[^>]*?href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL)
    return [(unescape(href), words(inner).strip()) for href, inner in found]


def test_home__no_monitor__says_so(person: Client) -> None:
    page = words(html(person))
    assert "No alert is open." in page
    assert "This tenant has no monitor yet." in page


def test_home__open_alerts__are_counted_by_severity_and_listed(person: Client) -> None:
    for severity in ("warning", "critical", "warning"):
        make_alert(make_finished_run(make_monitor(), "drift"), severity)
    page = html(person)
    counts = {href: text for href, text in links(page) if "severity__exact" in href}
    assert [text.split()[-2] for text in counts.values()] == ["1", "2", "0"]
    for href, text in counts.items():
        shown = html(person, href)
        assert f" {text.split()[-2]} alert" in words(shown), href
    assert page.index("critical drift of delay") < page.index("warning drift of delay")


def test_home__alert__leads_to_its_distribution_in_one_click(person: Client) -> None:
    run = make_finished_run(make_monitor(), "drift")
    alert = make_alert(run)
    found = links(html(person))
    feature = f"/admin/monitors/{run.monitor_id}/feature/?name=delay&run={run.id}"
    assert (feature, "delay") in found
    assert (f"/admin/alerts/{alert.id}/", "warning drift of delay") in found


@pytest.mark.parametrize(
    "fields",
    [
        {"attention": "acknowledged", "acknowledged_at": timezone.now(), "acknowledged_by": "x"},
        {"phase": "pending", "opened_at": None},
        {"phase": "resolved", "resolved_at": timezone.now(), "is_history": True},
    ],
)
def test_home__alert_that_waits_for_no_one__is_not_there(
    person: Client, fields: dict[str, Any]
) -> None:
    make_alert(make_finished_run(make_monitor(), "drift"), **fields)
    assert "No alert is open." in words(html(person))


def test_home__alert_that_ended_unseen__is_counted_and_listed(person: Client) -> None:
    ended: dict[str, Any] = {"phase": "resolved", "resolved_at": timezone.now()}
    alert = make_alert(make_finished_run(make_monitor(), "drift"), **ended)
    make_alert(make_finished_run(make_monitor(), "drift"), **ended, is_history=True)
    page = html(person)
    href = next(href for href, text in links(page) if text == "1 alert ended before anyone saw it")
    assert str(alert.id) in page
    assert "1 alert" in words(html(person, href))


def test_home__operator__has_buttons_that_open_the_form(person: Client) -> None:
    make_alert(make_finished_run(make_monitor(), "drift"))
    acts = [href for href, _ in links(html(person)) if "/act/" in href]
    assert [href.split("/")[-1].split("?")[0] for href in acts] == [
        "acknowledge", "snooze", "assign", "resolve",
    ]  # fmt: skip
    assert all(person.get(href).status_code == 200 for href in acts)


def test_home__viewer__has_no_buttons(person: Client) -> None:
    make_alert(make_finished_run(make_monitor(), "drift"))
    Membership.objects.update(role=Role.VIEWER)
    assert "/act/" not in html(person)


def test_home__monitors__the_worst_are_first(person: Client) -> None:
    for name, verdict in (("calm", "ok"), ("broken", "error"), ("moved", "drift"), ("new", "")):
        monitor = make_monitor(name=f"it is {name}")
        if verdict:
            make_finished_run(monitor, verdict)
    make_alert(make_finished_run(make_monitor(name="it is alarmed")), "info")
    table = html(person).split("the worst first")[1]
    assert re.findall(r">it is (\w+)</a>", table)[:5] == [
        "alarmed", "broken", "moved", "calm", "new",
    ]  # fmt: skip


def test_home__strip__is_the_last_thirty_checks_by_window(person: Client) -> None:
    monitor = make_monitor()
    runs = [make_finished_run(monitor) for _ in range(33)]
    make_run(monitor, week=40, status="skipped", scheduled_for=TIMESTAMPS[0] + 90 * WEEK)
    make_finished_run(monitor, "drift", trigger="labels")
    strip = re.search(r'<div class="strip".*?</div>', html(person), re.DOTALL)
    assert strip is not None
    shown = re.findall(r"/admin/runs/([0-9a-f-]+)/", strip[0])
    assert len(shown) == 30
    assert "Last 30 runs: 29 ok, 1 skipped" in strip[0]
    assert not {str(run.id) for run in runs[:4]} & set(shown)


def test_home__last_day__counts_runs_and_links_them(person: Client) -> None:
    monitor = make_monitor()
    make_finished_run(monitor, "error")
    make_finished_run(monitor, "error")
    make_finished_run(monitor, "no_data")
    old = make_finished_run(monitor, "no_data")
    DetectionRun.objects.filter(id=old.id).update(created_at=timezone.now() - timedelta(days=2))
    page = html(person).split("Runs of the last 24 hours")[1]
    counts = {href: text for href, text in links(page) if "made_within=1" in href}
    assert sorted(counts.values()) == ["1", "2"]
    for href, count in counts.items():
        assert re.search(rf"\b{count} detection runs?\b", words(html(person, href))), href


def test_home__next_ticks__are_those_of_the_cron(person: Client) -> None:
    make_monitor(name="nightly", schedule_cron="30 2 * * *", timezone="Asia/Tokyo")
    make_monitor(name="paused", schedule_cron="* * * * *", status="paused")
    page = html(person).split("Next runs")[-1]
    shown = re.findall(r'<time datetime="([^"]*)"', page)
    ticks = [datetime.fromisoformat(each).astimezone(UTC) for each in shown]
    assert [(tick.hour, tick.minute) for tick in ticks] == [(17, 30)]  # Tokyo is UTC+9
    assert "02:30 JST" in words(page)
    assert "paused" not in page


def test_home__hostile_names__are_inert(person: Client) -> None:
    run = make_finished_run(make_monitor(name=HOSTILE), "drift")
    entry = {"feature": HOSTILE, "method": "ks", "effect_size": 0.4}
    make_alert(run, summary=HOSTILE, drifted_features=[entry])
    page = html(person)
    assert HOSTILE not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 4


def test_home__other_tenants_rows__are_not_there(person: Client, other_tenant: Tenant) -> None:
    with tenant_scope(other_tenant.id):
        make_alert(make_finished_run(make_monitor(name="Secret monitor"), "drift"))
    page = html(person)
    assert "Secret monitor" not in page
    assert "No alert is open." in words(page)


def test_home__many_rows__takes_as_many_queries_as_few(person: Client) -> None:
    for _ in range(12):
        make_alert(make_finished_run(make_monitor(), "drift"))
    html(person, HOME)  # the first request of a session notes its beginning
    few = statements_of(person, HOME)
    assert few <= 15
    for _ in range(12):
        make_alert(make_finished_run(make_monitor(), "drift"), "critical")
    assert statements_of(person, HOME) == few
