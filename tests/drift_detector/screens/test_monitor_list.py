"""The list of monitors: how each stands, without a query a row."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from drift_detector.tenancy.models import Tenant, User
from tests.drift_detector.screens.test_home import (
    HOSTILE,
    html,
    links,
    make_alert,
    statements_of,
    words,
)
from tests.factories import make_finished_run, make_monitor

LIST = "/admin/monitors/monitor/"


@pytest.fixture
def person(client: Client, staff: User, in_tenant: Tenant) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def four(in_tenant: Tenant) -> dict[str, Any]:
    """A monitor without a run, one that is ok, one with an alert and one that failed."""
    found = {
        name: make_monitor(name=f"it is {name}") for name in ("new", "calm", "moved", "broken")
    }
    make_finished_run(found["calm"], "ok")
    make_finished_run(found["broken"], "error")
    run = make_finished_run(found["moved"], "drift")
    entries = [{"feature": name, "method": "ks", "effect_size": 1} for name in ("a", "b", "a")]
    make_alert(run, "critical", drifted_features=entries)
    return found


def shown_in(page: str) -> list[str]:
    """The names of the rows, in their order."""
    return re.findall(r">\s*it is (\w+)\s*</a>", page)


def row_of(page: str, name: str) -> str:
    rows = re.findall(r"<tr\b.*?</tr>", page, re.DOTALL)
    return next(words(row) for row in rows if f"it is {name}" in row)


def test_monitors__in_the_list__the_worst_are_first(person: Client, four: dict[str, Any]) -> None:
    assert shown_in(html(person, LIST)) == ["moved", "broken", "calm", "new"]


def test_monitors__row__says_how_the_monitor_stands(person: Client, four: dict[str, Any]) -> None:
    row = row_of(html(person, LIST), "moved")
    assert "change_history drift" in row
    assert "critical 1 2 2" in row, row  # two features, one of them twice


def test_monitors__row__leads_to_its_page_its_run_and_its_alerts(
    person: Client, four: dict[str, Any]
) -> None:
    found = [href for href, _ in links(html(person, LIST))]
    moved = four["moved"].id
    assert f"/admin/monitors/{moved}/" in found
    alerts = f"/admin/alerts/alert/?status=open&monitor__id__exact={moved}"
    assert alerts in found
    assert "1 alert" in words(html(person, alerts))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("verdict=error", ["broken"]),
        ("verdict=none", ["new"]),
        ("alert=critical", ["moved"]),
        ("alert=none&verdict=ok", ["calm"]),
        ("q=CALM", ["calm"]),
        ("status__exact=paused", []),
    ],
)
def test_monitors__filter_or_search__shows_those_alone(
    person: Client, four: dict[str, Any], query: str, names: list[str]
) -> None:
    assert shown_in(html(person, f"{LIST}?{query}")) == names


@pytest.mark.parametrize("query", ["verdict=banana", "alert=x", "worst=3", "need__gt=0"])
def test_monitors__filter_that_is_none__is_refused(person: Client, query: str) -> None:
    assert person.get(f"{LIST}?{query}").status_code == 400


def test_monitors__many_rows__take_as_many_queries_as_few(
    person: Client, four: dict[str, Any]
) -> None:
    html(person, LIST)  # the first request of a session notes its beginning
    few = statements_of(person, LIST)
    assert few <= 15
    for _ in range(20):
        make_alert(make_finished_run(make_monitor(), "drift"))
    assert statements_of(person, LIST) == few


def test_monitors__hostile_name__is_inert(person: Client) -> None:
    make_monitor(name=HOSTILE)
    page = html(person, LIST)
    assert HOSTILE not in page
    assert HOSTILE in unescape(page)


def test_monitors__picked_in_a_filter__are_found_by_name(
    person: Client, four: dict[str, Any]
) -> None:
    asked = {
        "term": "calm",
        "app_label": "detections",
        "model_name": "detectionrun",
        "field_name": "monitor",
    }
    answer = person.get("/admin/autocomplete/", asked)
    assert [each["text"] for each in answer.json()["results"]] == ["it is calm"]
