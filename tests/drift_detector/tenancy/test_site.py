"""The admin: who gets in, and whose rows they see."""

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from tests.factories import make_monitor

MONITORS = "/admin/monitors/monitor/"


@pytest.fixture
def signed_in(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def two_tenants(tenant: Tenant, other_tenant: Tenant, staff: User) -> None:
    """`staff` is a member of both, `other_tenant` later; each has a monitor named after it."""
    for each in (tenant, other_tenant):
        with tenant_scope(each.id):
            make_monitor(name=f"Watch of {each.slug}")
    with tenant_scope(other_tenant.id):
        Membership.objects.create(tenant=other_tenant, user=staff, role=Role.VIEWER)


def page(client: Client, url: str = MONITORS) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def test_admin__nobody_signed_in__asks_to_sign_in(client: Client, db: None) -> None:
    assert client.get(MONITORS)["Location"].startswith("/admin/login/")


def test_admin__sign_in_page__is_there_for_all(client: Client, db: None) -> None:
    assert "password" in page(client, "/admin/login/")


def test_admin__right_password__opens_the_index(client: Client, staff: User) -> None:
    form = {"username": "ana", "password": "correct horse battery", "next": "/admin/"}
    assert client.post("/admin/login/", form)["Location"] == "/admin/"
    assert "Acme" in page(client, "/admin/")


def test_admin__signed_in_without_a_next_page__is_sent_home(client: Client, staff: User) -> None:
    form = {"username": "ana", "password": "correct horse battery"}
    assert client.post("/admin/login/", form)["Location"] == "/admin/"


@pytest.mark.parametrize("change", [{"is_staff": False}, {"is_active": False}])
def test_admin__not_staff_or_not_active__is_sent_away(
    signed_in: Client, change: dict[str, bool]
) -> None:
    User.objects.update(**change)
    assert signed_in.get(MONITORS).status_code == 302


@pytest.mark.parametrize(
    "url", ["/admin/", MONITORS, "/admin/tenancy/apikey/", "/admin/password_change/"]
)
def test_admin__superuser_without_a_tenant__sees_nothing(
    client: Client, other_tenant: Tenant, url: str
) -> None:
    client.force_login(User.objects.create_superuser("eve", password="x"))
    answer = client.get(url)
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")


@pytest.mark.usefixtures("two_tenants")
def test_admin__member_of_two__starts_in_the_first(signed_in: Client) -> None:
    text = page(signed_in)
    assert "Watch of acme" in text
    assert "Watch of rival" not in text


@pytest.mark.usefixtures("two_tenants")
def test_admin__other_tenant_picked__shows_its_rows_instead(
    signed_in: Client, other_tenant: Tenant
) -> None:
    assert signed_in.post(f"/admin/tenant/{other_tenant.id}").status_code == 302
    text = page(signed_in)
    assert "Watch of rival" in text
    assert "Watch of acme" not in text


@pytest.mark.usefixtures("two_tenants")
def test_admin__other_tenant_picked__its_role_counts(
    signed_in: Client, other_tenant: Tenant
) -> None:
    signed_in.post(f"/admin/tenant/{other_tenant.id}")
    assert 'name="_save"' not in page(signed_in, link_of(page(signed_in)))


@pytest.mark.usefixtures("two_tenants")
def test_admin__index__offers_both_tenants(
    signed_in: Client, tenant: Tenant, other_tenant: Tenant
) -> None:
    text = page(signed_in, "/admin/")
    assert f"/admin/tenant/{tenant.id}" in text
    assert f"/admin/tenant/{other_tenant.id}" in text


def test_admin__tenant_of_others_picked__stays_where_it_was(
    signed_in: Client, other_tenant: Tenant
) -> None:
    answer = signed_in.post(f"/admin/tenant/{other_tenant.id}", follow=True)
    assert "You are not a member of that tenant." in answer.content.decode()
    assert "tenant_id" not in signed_in.session


@pytest.mark.usefixtures("two_tenants")
def test_admin__removed_from_the_picked_tenant__falls_back(
    signed_in: Client, other_tenant: Tenant
) -> None:
    signed_in.post(f"/admin/tenant/{other_tenant.id}")
    with tenant_scope(other_tenant.id):
        Membership.objects.filter(tenant=other_tenant).delete()
    assert "Watch of acme" in page(signed_in)


def test_admin__another_tenants_row__is_not_there(signed_in: Client, other_tenant: Tenant) -> None:
    with tenant_scope(other_tenant.id):
        monitor = make_monitor(name="Secret name")
    answer = signed_in.get(f"{MONITORS}{monitor.id}/change/", follow=True)
    assert "Secret name" not in answer.content.decode()
    assert answer.redirect_chain == [("/admin/", 302)]


@pytest.mark.parametrize(
    "page_of",
    [
        "alerts/alert", "detections/detection", "detections/detectionrun", "events/outboxevent",
        "monitors/baseline", "monitors/monitor", "tenancy/apikey", "tenancy/membership",
    ],
)  # fmt: skip
def test_admin__each_list__is_found_and_answers(signed_in: Client, page_of: str) -> None:
    assert page_of in page(signed_in, "/admin/")
    assert signed_in.get(f"/admin/{page_of}/?q=x").status_code in (200, 302)


@pytest.mark.parametrize("table", ["periodictask", "crontabschedule", "intervalschedule"])
def test_admin__rows_of_beat__have_no_page(table: str) -> None:
    """Such a row names a task, and is of no tenant: monitors write them."""
    with pytest.raises(NoReverseMatch):
        reverse(f"admin:django_celery_beat_{table}_changelist")


def link_of(text: str) -> str:
    """The first link from a list to one of its rows."""
    start = text.index(f'href="{MONITORS}') + len('href="')
    return text[start : text.index('"', start)].split("?")[0]


def test_login__without_an_address_to_return_to__leads_home(staff: User, client: Client) -> None:
    signed_in = {"username": "ana", "password": "correct horse battery"}
    assert client.post("/admin/login/", signed_in).headers["Location"] == "/admin/"
