"""Filters of lists that people keep under names."""

import pytest
from django.test import Client

from drift_detector.tenancy import saved_filters
from drift_detector.tenancy.models import Membership, Role, SavedFilter, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from tests.drift_detector.screens.test_home import HOSTILE, html, links

RUNS = "/admin/detections/detectionrun/"
QUERY = "verdict__exact=drift&o=-1"


@pytest.fixture
def person(client: Client, staff: User, in_tenant: Tenant) -> Client:
    client.force_login(staff)
    return client


def save(client: Client, name: str = "Drifts", query: str = QUERY) -> str:
    """The address that the browser is sent to."""
    answer = client.post(f"{RUNS}saved", {"name": name, "query": query})
    assert answer.status_code == 302
    return answer["Location"]


def test_save__filters_of_a_list__are_links_in_it_alone(person: Client) -> None:
    assert save(person) == f"{RUNS}?{QUERY}"
    assert (f"{RUNS}?{QUERY}", "Drifts") in links(html(person, RUNS))
    assert "Drifts" not in html(person, "/admin/detections/detection/")


def test_save__viewer__may_keep_filters(person: Client) -> None:
    Membership.objects.update(role=Role.VIEWER)
    save(person)
    assert SavedFilter.objects.get().query == QUERY


def test_save__same_name__replaces_the_query(person: Client) -> None:
    save(person)
    save(person, query="verdict__exact=ok")
    assert SavedFilter.objects.get().query == "verdict__exact=ok"


@pytest.mark.parametrize(
    ("name", "query"),
    [("", QUERY), (" ", QUERY), ("x" * 61, QUERY), ("x", ""), ("x", "q=" + "y" * 1000)],
)
def test_save__name_or_query_that_is_none__keeps_nothing(
    person: Client, name: str, query: str
) -> None:
    save(person, name, query)
    assert not SavedFilter.objects.exists()


def test_save__more_than_the_limit__is_refused(
    person: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_filters, "MOST_OF_LIST", 2)
    for name in "abc":
        save(person, name)
    assert [each.name for each in SavedFilter.objects.all()] == ["a", "b"]


def test_remove__own_filter__is_gone(person: Client) -> None:
    save(person)
    url = f"{RUNS}saved/{SavedFilter.objects.get().id}"
    assert person.get(url).status_code == 404
    assert person.post(url).status_code == 302
    assert not SavedFilter.objects.exists()


def test_filters__of_another_person__are_neither_shown_nor_removed(
    person: Client, in_tenant: Tenant
) -> None:
    other = User.objects.create_user("bob")
    theirs = SavedFilter.objects.create(
        tenant=in_tenant, user=other, list_name="detections.DetectionRun", name="Bob's", query=QUERY
    )
    assert "Bob" not in html(person, RUNS)
    assert person.post(f"{RUNS}saved/{theirs.id}").status_code == 404
    assert SavedFilter.objects.filter(id=theirs.id).exists()


def test_filters__of_another_tenant__are_not_there(
    person: Client, staff: User, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.id):
        SavedFilter.objects.create(
            tenant=other_tenant,
            user=staff,
            list_name="detections.DetectionRun",
            name="Elsewhere",
            query=QUERY,
        )
    assert "Elsewhere" not in html(person, RUNS)


def test_filters__hostile_name_and_query__are_inert(person: Client) -> None:
    save(person, HOSTILE, f"q={HOSTILE}")
    page = html(person, RUNS)
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
