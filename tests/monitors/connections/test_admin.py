"""The pages of connections."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from drift_detector.tenancy.models import Membership, Role, Tenant, User
from monitors.connections.services import remove_connection
from monitors.models import StoreConnection
from tests.monitors.connections.offered import OFFERED, make_connection

LIST = "admin:monitors_storeconnection_changelist"
FORM = {"name": "Lake", "store": "s3://lake/acme", "credentials": "lake"}


@pytest.fixture
def person(client: Client, staff: User, in_tenant: Tenant, override: Callable[..., None]) -> Client:
    override(data=OFFERED)
    Membership.objects.update(role=Role.ADMIN)
    client.force_login(staff)
    return client


def address_of(row: StoreConnection, page: str = "change") -> str:
    return reverse(f"admin:monitors_storeconnection_{page}", args=[row.pk])


def test_form__filled_in__makes_a_connection(person: Client) -> None:
    answer = person.post(reverse("admin:monitors_storeconnection_add"), FORM)
    assert answer.status_code == 302
    made = StoreConnection.objects.get()
    assert (made.store, made.created_by) == ("s3://lake/acme", "user:ana")


def test_form__place_of_another_tenant__shows_why_not(person: Client) -> None:
    sent = FORM | {"store": "s3://lake/rival"}
    answer = person.post(reverse("admin:monitors_storeconnection_add"), sent)
    assert "outside the folders and object stores" in answer.content.decode()
    assert not StoreConnection.objects.exists()


def test_form__of_what_is_there__changes_all_but_the_prefix(person: Client) -> None:
    made = make_connection()
    sent = {"name": "New", "credentials": "lake", "store": "s3://lake/acme/b"}
    assert person.post(address_of(made), sent).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.store) == ("New", "s3://lake/acme")


def test_form__names_what_the_operator_offers_to_the_tenant_alone(person: Client) -> None:
    page = person.get(reverse("admin:monitors_storeconnection_add")).content.decode()
    assert "The operator offers: lake, blobs, inside." in page
    assert "rivals" not in page


def test_delete_page__confirmed_twice__removes_and_keeps_the_refusal(person: Client) -> None:
    made = make_connection()
    for _ in range(2):
        assert person.post(address_of(made, "delete"), {"post": "yes"}).status_code == 302
    assert StoreConnection.objects.get().removed_at is not None
    assert person.post(address_of(made), FORM).status_code == 403


@pytest.mark.parametrize(("is_removed", "left"), [(True, 0), (False, 1)])
def test_forget_selected__only_what_was_removed__goes(
    person: Client, is_removed: bool, left: int
) -> None:
    made = make_connection()
    if is_removed:
        remove_connection(made)
    person.post(reverse(LIST), {"action": "forget_selected", "_selected_action": [str(made.pk)]})
    assert StoreConnection.objects.count() == left


def test_form__region_of_another_host__is_refused(person: Client) -> None:
    sent = FORM | {"region": "x.evil.example/"}
    answer = person.post(reverse("admin:monitors_storeconnection_add"), sent)
    assert answer.status_code == 200
    assert not StoreConnection.objects.exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_pages__who_is_no_admin__sees_none(person: Client, role: Role) -> None:
    made = make_connection()
    Membership.objects.update(role=role)
    assert person.get(reverse(LIST)).status_code == 403
    assert person.get(address_of(made)).status_code == 403
