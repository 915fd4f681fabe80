"""The sidebar, and the addresses that people type."""

import pytest
from django.test import Client

from drift_detector.tenancy.models import Tenant, User
from tests.drift_detector.screens.test_home import html, links
from tests.factories import make_monitor

TITLES = [
    "Home", "Monitors", "Alerts", "Runs", "Detections", "Concept drift", "Backtests", "Baselines",
    "Channels", "Routes", "Silences", "Maintenance windows", "Notifications",
    "Members", "API keys", "False-alarm budget", "Quotas", "Outbox", "API",
]  # fmt: skip


@pytest.fixture
def person(client: Client, staff: User, in_tenant: Tenant) -> Client:
    client.force_login(staff)
    return client


def sidebar_of(page: str) -> str:
    start = page.index('id="nav-sidebar-apps"')
    return page[start : page.index("</ol>", page.index("Outbox", start))]


def test_sidebar__each_link__answers(person: Client) -> None:
    found = links(sidebar_of(html(person)))
    assert [text.split(" ", 1)[1] for _, text in found] == TITLES
    assert {person.get(href).status_code for href, _ in found} == {200}


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("/admin/", "Home"),
        ("/admin/monitors/monitor/", "Monitors"),
        ("/admin/detections/detection/", "Detections"),
        ("/admin/tenancy/tenantquota/", "Quotas"),
    ],
)
def test_sidebar__page__marks_its_link_alone(person: Client, address: str, title: str) -> None:
    found = sidebar_of(html(person, address)).split("<li")
    active = [each for each in found if " active" in each]
    assert len(active) == 1
    assert f"<span>{title}</span>" in active[0]


def test_sidebar__form_of_a_monitor__marks_monitors(person: Client) -> None:
    page = html(person, f"/admin/monitors/monitor/{make_monitor().id}/change/")
    active = [each for each in sidebar_of(page).split("<li") if " active" in each]
    assert len(active) == 1
    assert "<span>Monitors</span>" in active[0]


@pytest.mark.parametrize("address", ["/admin/", "/admin/login/"])
def test_return_to_site__leads_nowhere_else__is_hidden(
    client: Client, db: None, address: str
) -> None:
    page = client.get(address, follow=True).content.decode()
    assert "Return to site" not in page
    assert "View site" not in page


@pytest.mark.parametrize("address", ["/docs", "/api/v1", "/api/v1/"])
def test_address_of_the_api__typed__leads_to_its_documentation(
    client: Client, db: None, address: str
) -> None:
    answer = client.get(address, follow=True)
    assert answer.redirect_chain == [("/api/v1/docs", 302)]
    assert b"swagger" in answer.content


def test_favicon__asked_for_by_habit__is_the_picture(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"].startswith("/static/screens/favicon")
