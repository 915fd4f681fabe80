"""The lists of the admin take the lookups of their own filters; a person can't ask for any other query."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from alerts.models import Alert
from detections.models import DetectionRun
from drift_detector.tenancy import admin as tenancy_admin
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import set_local
from drift_detector.tenancy.site import site
from tests.factories import make_finished_run, make_monitor

LISTS = [
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist" for model in site._registry
]
RUNS = "/admin/detections/detectionrun/"


@pytest.fixture
def viewer(client: Client, staff: User, in_tenant: Tenant) -> Client:
    Membership.objects.update(role=Role.VIEWER)
    client.force_login(staff)
    client.raise_request_exception = False
    return client


@pytest.fixture
def admin_of_tenant(viewer: Client) -> Client:
    """One who may see all lists."""
    Membership.objects.update(role=Role.ADMIN)
    return viewer


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "query",
    ["id__regex=(a*)*b", "id__isnull=1", "created_at__gte=x", "tenant__slug__startswith=a", "pk__in=1", "nothing=1",
     "created_at=x", "id=1"],
)  # fmt: skip
def test_list__lookup_of_no_filter__is_refused_with_a_page(
    admin_of_tenant: Client, name: str, query: str
) -> None:
    answer = admin_of_tenant.get(f"{reverse(name)}?{query}")
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (400, "text/html")


@pytest.mark.parametrize("lookup", ["regex", "iregex", "contains", "in", "gte", "search"])
def test_list__reason_of_runs_by_any_lookup__is_refused(viewer: Client, lookup: str) -> None:
    assert viewer.get(RUNS, {f"reason__{lookup}": "(a*)*b"}).status_code == 400


@pytest.mark.parametrize(
    "query",
    ["monitor__id__exact=x", "status__exact=%00", "made_within=2", "verdict__exact__regex=x", "monitor__name=x",
     "monitor__id__exact__in=x", "status__isnull__x=1", "status__exact=banana",
     "status__isnull=maybe", "monitor__id__exact=00000000-0000-0000-0000-000000000000"],
)  # fmt: skip
def test_list__value_or_lookup_that_is_none__is_no_redirect_and_no_error(
    viewer: Client, query: str
) -> None:
    assert viewer.get(f"{RUNS}?{query}").status_code == 400


@pytest.mark.parametrize("name", LISTS)
def test_list__each_link_of_its_filters__is_taken(admin_of_tenant: Client, name: str) -> None:
    make_finished_run(make_monitor())
    url = reverse(name)
    page = unescape(admin_of_tenant.get(url).content.decode())
    for query in set(re.findall(r'href="\?([^"]*)"', page)):
        answer = admin_of_tenant.get(url, dict(parse_qsl(query, keep_blank_values=True)))
        assert answer.status_code == 200, query


def test_list__filter_by_monitor__shows_its_runs_only(viewer: Client) -> None:
    first, second = make_finished_run(make_monitor()), make_finished_run(make_monitor())
    page = viewer.get(RUNS, {"monitor__id__exact": str(first.monitor_id)}).content.decode()
    assert str(first.id) in page
    assert str(second.id) not in page


def test_list__filter_by_monitor_left_empty__shows_all(viewer: Client) -> None:
    run = make_finished_run(make_monitor())
    answer = viewer.get(RUNS, {"monitor__id__exact": "", "verdict__exact": "ok"})
    assert (answer.status_code, str(run.id) in answer.content.decode()) == (200, True)


def test_list__facets__are_not_counted(viewer: Client) -> None:
    assert viewer.get(RUNS, {"_facets": "True"}).context["cl"].add_facets is False


def test_action__selected_id_that_is_none__is_refused(
    client: Client, staff: User, in_tenant: Tenant
) -> None:
    client.force_login(staff)
    form = {"action": "acknowledge_selected", "_selected_action": ["x"]}
    assert client.post(reverse("admin:alerts_alert_changelist"), form).status_code == 400
    assert not Alert.objects.exists()


def test_list__statement_that_takes_too_long__is_a_page_that_says_so(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: Any) -> Any:
        set_local("statement_timeout", "20ms")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")

    monkeypatch.setattr(site._registry[DetectionRun], "get_queryset", slow)
    answer = viewer.get(RUNS)
    assert answer.status_code == 503
    assert "took too long" in answer.content.decode()


def test_list__more_rows_than_are_counted__says_so(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenancy_admin, "MOST_COUNTED", 2)
    monitor = make_monitor()
    for _ in range(3):
        make_finished_run(monitor)
    page = " ".join(viewer.get(RUNS).content.decode().split())
    assert "more than 2 detection runs" in page
    assert "more than" not in " ".join(
        viewer.get("/admin/monitors/monitor/").content.decode().split()
    )
