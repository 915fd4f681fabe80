"""A backtest's page shows which windows would have alerted, before and after a change of settings."""

import gzip
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from detections.backtests.services import summarize
from detections.models import Backtest
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.data import TIMESTAMPS
from tests.drift_detector.screens.working import few_queries, work
from tests.factories import WEEK, make_backtest, make_flights_monitor, make_monitor

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def person(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def monitor(in_tenant: Tenant, flights: Path) -> Monitor:
    return make_flights_monitor(flights, methods=["ks"])


def record(week: int, *features: str, verdict: str = "") -> dict[str, Any]:
    """The record of one tick, on which these features drifted."""
    start = TIMESTAMPS[0] + week * WEEK
    return {
        "scheduled_for": (start + WEEK).isoformat(),
        "window_start": start.isoformat(),
        "window_end": (start + WEEK).isoformat(),
        "rows": 10,
        "verdict": verdict or ("drift" if features else "ok"),
        "reason": "",
        "severity": "warning" if features else "",
        "drifted_features": [
            {"feature": name, "method": "ks", "effect_size": 0.25} for name in features
        ],
    }


def ready(monitor: Monitor, *windows: dict[str, Any], **fields: Any) -> Backtest:
    summary = summarize(windows, timedelta(days=30))
    return make_backtest(monitor, status="ready", windows=list(windows), summary=summary, **fields)


def page_of(backtest: Backtest) -> str:
    return reverse("screens:backtest", args=[backtest.id])


def form_address(monitor: Monitor) -> str:
    return f"{reverse('screens:new_backtest')}?monitor={monitor.id}"


def test_backtest__with_changes__stands_beside_the_one_without(
    person: Client, monitor: Monitor
) -> None:
    ready(monitor, record(2, "delay"), record(3, "delay", HOSTILE))
    changed = {"tolerances": {"ks": {"features": {"delay": 0.3}}}}
    mine = ready(monitor, record(2), record(3, HOSTILE), changes=changed)
    page = person.get(page_of(mine))
    figures = {name: (before, after) for name, before, after in page.context["figures"]}
    assert figures["Windows that drifted"] == ("2", "1")
    assert page.context["changes"] == [("tolerances of ks for delay", "the default", "0.3")]
    assert [(each["was"], each["now"]) for each in page.context["different"]] == [
        ("drift", "ok"),
        ("drift", "drift"),
    ]
    assert [name for name, _ in page.context["maps"]] == ["As the monitor was", "With the changes"]
    assert HOSTILE not in page.content.decode()


def test_backtest__alone__has_one_map_with_a_mark_per_drift(
    person: Client, monitor: Monitor
) -> None:
    windows = record(0), record(1, verdict="no_data"), record(2, "delay"), record(3, "delay")
    page = person.get(page_of(ready(monitor, *windows))).content.decode()
    assert page.count('class="m-drift"') == 4  # two windows, and the feature in each
    assert page.count('class="m-none"') == 2
    assert "delay, 2024-01-15 to 2024-01-22: drift, ks 0.25" in page


def test_backtest__running__shows_how_far_it_is(person: Client, monitor: Monitor) -> None:
    backtest = make_backtest(monitor, windows=[record(2)])
    page = person.get(page_of(backtest)).content.decode()
    assert "1 of 2 windows are judged." in page
    assert 'hx-trigger="load delay:1s"' in page


def test_backtest__failed__says_why(person: Client, monitor: Monitor) -> None:
    backtest = make_backtest(monitor, status="failed", reason=HOSTILE)
    page = person.get(page_of(backtest)).content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_backtest__many_ticks__opens_where_the_last_drift_is(
    person: Client, monitor: Monitor
) -> None:
    windows = [record(week, *(["delay"] if week == 60 else [])) for week in range(160)]
    backtest = ready(monitor, *windows)
    page = person.get(page_of(backtest))
    assert (page.context["earlier"], page.context["later"]) == ("?page=1", "?page=3")
    assert 'class="m-drift"' in page.content.decode()
    assert 'class="m-drift"' not in person.get(page_of(backtest), {"page": 1}).content.decode()


def test_backtest__applied__changes_the_monitor(person: Client, monitor: Monitor) -> None:
    backtest = ready(monitor, record(2), changes={"min_rows": 70})
    assert person.post(page_of(backtest)).status_code == 303
    monitor.refresh_from_db()
    assert monitor.min_rows == 70


def test_backtest__viewer__sees_it_and_can_not_apply_it(person: Client, monitor: Monitor) -> None:
    backtest = ready(monitor, record(2), changes={"min_rows": 70})
    Membership.objects.update(role=Role.VIEWER)
    assert "Apply these settings" not in person.get(page_of(backtest)).content.decode()
    assert person.post(page_of(backtest)).status_code == 403
    assert person.post(form_address(monitor)).status_code == 403


def test_backtest__other_tenants__is_not_there(
    person: Client, tenant: Tenant, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_monitor()
        backtest = make_backtest(theirs)
    assert person.get(page_of(backtest)).status_code == 404
    assert person.post(page_of(backtest)).status_code == 404
    assert person.get(form_address(theirs)).status_code == 404


def test_new_backtest__changed_tolerance__is_judged_twice(person: Client, monitor: Monitor) -> None:
    chosen = {"first": "2024-01-16", "last": "2024-01-31", "policy": "evidence_and_effect"}
    chosen |= {"min_rows": "50", "seasonal_weeks": "0", "methods": "ks"}
    chosen |= {"limit:tolerances:ks:delay": "0.9"}
    address = person.post(form_address(monitor), chosen)["Location"]
    work(monitor.tenant)
    page = person.get(address)
    figures = {name: (before, after) for name, before, after in page.context["figures"]}
    assert figures["Windows that drifted"] == ("1", "0")
    assert [each["was_on"] for each in page.context["different"]] == ["delay"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"last": "2024-01-01"}, "The last day must not be before the first."),
        ({"first": "2024-01-16", "last": "2024-01-16"}, "needs at least one tick"),
        ({"first": "soon"}, "Enter a valid date."),
        ({"first": "0001-01-01"}, "must be from 1900-01-01 to 2999-12-31"),
        ({"last": "9999-12-31"}, "must be from 1900-01-01 to 2999-12-31"),
    ],
)
def test_new_backtest__wrong_time__is_told(
    person: Client, monitor: Monitor, change: dict[str, str], words: str
) -> None:
    sent = {"first": "2024-01-16", "last": "2024-01-31"} | change
    assert words in person.post(form_address(monitor), sent).content.decode()
    assert not Backtest.objects.exists()


def test_new_backtest__no_baseline__says_so(person: Client, in_tenant: Tenant) -> None:
    sent = {"first": "2024-01-16", "last": "2024-01-31"}
    page = person.post(form_address(make_monitor()), sent).content.decode()
    assert "A backtest needs a baseline that is ready." in page


def test_new_backtest__no_monitor__is_not_there(person: Client, tenant: Tenant) -> None:
    assert person.get(reverse("screens:new_backtest")).status_code == 404


def test_backtest__a_year_of_weeks__is_few_queries_and_small(
    person: Client, monitor: Monitor
) -> None:
    names = [f"feature_{number}" for number in range(30)]
    windows = [record(week, *names) for week in range(52)]
    ready(monitor, *windows)
    mine = ready(monitor, *windows, changes={"min_rows": 70})
    with few_queries():
        page = person.get(page_of(mine))
    assert len(gzip.compress(page.content)) < 60_000
