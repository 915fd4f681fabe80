"""Members join knowingly, leave wholly, and never leave a tenant without an admin."""

import threading
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from drift_detector.tenancy import services
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.selection import memberships_of

MEMBERS = "/admin/tenancy/membership/"


def member(tenant: Tenant, name: str, role: Role) -> User:
    user = User.objects.create_user(name, password="correct horse battery", is_staff=True)
    with tenant_scope(tenant.id):
        services.add_member(user=user, role=role)
    return user


@pytest.fixture
def admin(tenant: Tenant) -> User:
    return member(tenant, "ada", Role.ADMIN)


def role_of(user: User) -> list[str]:
    return [each.role for each in memberships_of(user)]


def test_add_member__name_of_another_tenants_person__is_refused_and_asks(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    theirs = member(other_tenant, "bob", Role.VIEWER)
    with pytest.raises(CommandError, match="--existing") as refusal:
        call_command("add_member", str(tenant.id), "bob", role="admin")
    assert "Rival" not in str(refusal.value)
    assert str(other_tenant.id) not in str(refusal.value)
    assert [each.tenant_id for each in memberships_of(theirs)] == [other_tenant.id]


def test_add_member__existing__joins_and_keeps_the_password(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    theirs = member(other_tenant, "bob", Role.VIEWER)
    said = StringIO()
    call_command("add_member", str(tenant.id), "bob", "--existing", role="operator", stdout=said)
    assert said.getvalue() == ""
    assert {each.tenant_id for each in memberships_of(theirs)} == {tenant.id, other_tenant.id}
    assert authenticate(username="bob", password="correct horse battery") == theirs


def test_add_member__existing_but_unknown__is_refused_and_makes_no_person(tenant: Tenant) -> None:
    with pytest.raises(CommandError, match="no person"):
        call_command("add_member", str(tenant.id), "bob", "--existing")
    assert not User.objects.exists()


def test_remove_member__leaves_the_person_and_other_tenants(
    tenant: Tenant, other_tenant: Tenant, admin: User, client: Client
) -> None:
    bob = member(tenant, "bob", Role.OPERATOR)
    with tenant_scope(other_tenant.id):
        services.add_member(user=bob, role=Role.VIEWER)
    client.force_login(bob)
    call_command("remove_member", str(tenant.id), "bob")
    assert [each.tenant_id for each in memberships_of(bob)] == [other_tenant.id]
    assert "Rival" in client.get("/admin/").content.decode()


def test_remove_member__of_another_tenant__is_refused_like_an_unknown_name(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    member(other_tenant, "bob", Role.VIEWER)
    refusals = []
    for name in ("bob", "no-one"):
        with pytest.raises(CommandError) as refusal:
            call_command("remove_member", str(tenant.id), name)
        refusals.append(str(refusal.value))
    assert refusals[0] == refusals[1]


def test_deactivate_user__ends_sessions_and_logins_at_once(
    tenant: Tenant, admin: User, client: Client
) -> None:
    bob = member(tenant, "bob", Role.OPERATOR)
    client.force_login(bob)
    assert client.get("/api/v1/monitors").status_code == 200
    call_command("deactivate_user", "bob")
    assert client.get("/api/v1/monitors").status_code == 401
    assert client.get("/admin/").status_code == 302
    assert authenticate(username="bob", password="correct horse battery") is None


def test_deactivate_user__active_again__old_sessions_stay_ended(
    tenant: Tenant, admin: User, client: Client
) -> None:
    bob = member(tenant, "bob", Role.OPERATOR)
    client.force_login(bob)
    call_command("deactivate_user", "bob")
    User.objects.filter(username="bob").update(is_active=True)
    assert client.get("/api/v1/monitors").status_code == 401


def test_deactivate_user__unknown__is_refused(db: None) -> None:
    with pytest.raises(CommandError, match="no person"):
        call_command("deactivate_user", "bob")


def step_down(tenant: Tenant, way: str) -> None:
    if way == "deactivate_user":
        call_command(way, "ada")
    elif way == "remove_member":
        call_command(way, str(tenant.id), "ada")
    else:
        call_command("add_member", str(tenant.id), "ada", role="viewer")


@pytest.mark.parametrize("way", ["deactivate_user", "remove_member", "demote"])
def test_last_admin__can_not_step_down(tenant: Tenant, admin: User, way: str) -> None:
    gone = member(tenant, "old", Role.ADMIN)
    User.objects.filter(id=gone.id).update(is_active=False)  # one who can't sign in is no admin
    with pytest.raises(CommandError, match="last admin"):
        step_down(tenant, way)
    admin.refresh_from_db()
    assert (admin.is_active, role_of(admin)) == (True, ["admin"])


@pytest.mark.parametrize("way", ["deactivate_user", "remove_member", "demote"])
def test_admin__beside_another_one__can_step_down(tenant: Tenant, admin: User, way: str) -> None:
    member(tenant, "bob", Role.ADMIN)
    step_down(tenant, way)
    admin.refresh_from_db()
    assert (admin.is_active, role_of(admin)) != (True, ["admin"])


def test_deactivate_user__last_admin_of_one_of_their_tenants__is_refused(
    tenant: Tenant, other_tenant: Tenant, admin: User
) -> None:
    member(tenant, "bob", Role.ADMIN)
    with tenant_scope(other_tenant.id):
        services.add_member(user=admin, role=Role.ADMIN)
    with pytest.raises(CommandError, match="last admin"):
        call_command("deactivate_user", "ada")


@pytest.mark.parametrize("way", ["demote", "deactivate"])
def test_two_admins__stepping_down_at_once__leave_one(committed_tenant: Tenant, way: str) -> None:
    people = [member(committed_tenant, name, Role.ADMIN) for name in ("ada", "bob")]
    start, refused = threading.Barrier(2), []

    def leave(user: User) -> None:
        start.wait()
        try:
            if way == "deactivate":
                services.deactivate_user(user)
            else:
                with tenant_scope(committed_tenant.id):
                    services.add_member(user=user, role=Role.VIEWER)
        except services.LastAdmin:
            refused.append(user)
        connection.close()

    threads = [threading.Thread(target=leave, args=[each]) for each in people]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with tenant_scope(committed_tenant.id):
        admins = Membership.objects.filter(role=Role.ADMIN, user__is_active=True)
        assert [each.user_id for each in admins] == [each.pk for each in refused]
    assert len(refused) == 1


@pytest.fixture
def signed_in(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def test_member_page__last_admin_demoted__is_refused_with_a_sentence(
    signed_in: Client, admin: User
) -> None:
    [own] = memberships_of(admin)
    answer = signed_in.post(f"{MEMBERS}{own.id}/change/", {"role": "viewer"}, follow=True)
    assert "last admin" in answer.content.decode()
    assert role_of(admin) == ["admin"]


def test_member_page__others__are_changed_and_removed(
    signed_in: Client, tenant: Tenant, admin: User
) -> None:
    bob = member(tenant, "bob", Role.VIEWER)
    [theirs] = memberships_of(bob)
    signed_in.post(f"{MEMBERS}{theirs.id}/change/", {"role": "operator"})
    assert role_of(bob) == ["operator"]
    [own] = memberships_of(admin)
    chosen = {"action": "remove_selected", "_selected_action": [theirs.id, own.id]}
    said = signed_in.post(MEMBERS, chosen, follow=True).content.decode()
    assert "1 members removed" in said
    assert "last admin" in said
    assert (role_of(bob), role_of(admin)) == ([], ["admin"])


def test_member_page__of_another_tenants_member__is_not_there(
    signed_in: Client, other_tenant: Tenant
) -> None:
    theirs = member(other_tenant, "bob", Role.VIEWER)
    [membership] = memberships_of(theirs)
    signed_in.post(f"{MEMBERS}{membership.id}/change/", {"role": "admin"})
    chosen = {"action": "remove_selected", "_selected_action": [membership.id]}
    signed_in.post(MEMBERS, chosen)
    assert role_of(theirs) == ["viewer"]
    assert "bob" not in signed_in.get(MEMBERS).content.decode()
