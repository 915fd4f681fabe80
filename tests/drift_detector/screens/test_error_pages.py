"""Errors: pages in the dress of the site for people, problem documents for programs."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client

from detections.models import DetectionRun
from drift_detector.tenancy.models import Membership, Quota, Role, Tenant, User
from drift_detector.tenancy.quotas import OverQuota, QuotaStanding
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.site import site
from tests.factories import make_monitor

RUNS = "/admin/detections/detectionrun/"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def person(client: Client, staff: User, in_tenant: Tenant) -> Client:
    client.force_login(staff)
    client.raise_request_exception = False
    return client


def page_of(answer: Any, status: int) -> str:
    """The page of an error, which has the site's style, a heading and a way out."""
    assert (answer.status_code, answer["Content-Type"]) == (status, "text/html; charset=utf-8")
    page: str = answer.content.decode()
    assert "screens/screens" in page
    assert page.count("<h1>") == 1
    assert '<a class="button button-main" href="/admin/' in page
    return page


def test_page__address_that_is_none__is_404_in_the_sites_dress(person: Client) -> None:
    assert "There is nothing at this address" in page_of(person.get("/admin/banana"), 404)


def test_page__another_tenants_monitor__names_no_table(
    person: Client, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_monitor()
    page = page_of(person.get(f"/admin/monitors/{theirs.id}/feature/?name=a"), 404)
    assert "matches the given query" not in page


def test_page__filter_that_is_none__is_400_and_says_why(person: Client) -> None:
    answer = person.get(f"{RUNS}?verdict__exact=banana")
    assert "verdict__exact has a value that it cannot have." in page_of(answer, 400)


def test_page__viewer_changes_a_row__is_403(person: Client) -> None:
    monitor = make_monitor()
    Membership.objects.update(role=Role.VIEWER)
    page_of(person.post(f"/admin/monitors/monitor/{monitor.id}/change/", {}), 403)


def test_page__form_without_a_token__says_what_to_do(staff: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/admin/login/", {"username": "ana", "password": "x"})
    assert "load the page again" in page_of(answer, 403)


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("secret"), 500), (PermissionDenied(HOSTILE), 403), (Http404(HOSTILE), 404)],
)
def test_page__error_within__is_a_page_and_its_words_are_inert(
    person: Client, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(site._registry[DetectionRun], "get_queryset", fail)
    page = page_of(person.get(RUNS), status)
    assert HOSTILE not in page
    assert "secret" not in page


def test_page__quota_used_up__is_429_in_the_sites_dress(
    person: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OverQuota(QuotaStanding(Quota.MONITORS, limit=7, used=7, until=None))

    monkeypatch.setattr(site._registry[DetectionRun], "get_queryset", refuse)
    assert "The quota of 7 monitors has no room" in page_of(person.get(RUNS), 429)


def test_page__stranger__sees_it_without_a_session(client: Client, db: None) -> None:
    client.raise_request_exception = False
    page_of(client.get("/admin/login/?next=/admin/", headers={"host": "evil\x00"}), 400)


def test_api__address_that_is_none__is_a_problem_document(person: Client) -> None:
    answer = person.get("/api/v1/banana")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
