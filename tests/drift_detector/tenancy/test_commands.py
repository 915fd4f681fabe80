"""`manage.py create_tenant` and `create_api_key`, as a person would use one after the other."""

from datetime import timedelta
from io import StringIO
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from drift_detector.tenancy.models import ApiKey, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.selection import memberships_of

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def test_create_tenant__new__prints_the_id_it_is_kept_under() -> None:
    tenant_id = UUID(run("create_tenant", "acme", "--name", "Acme Ltd"))
    with tenant_scope(tenant_id):
        assert Tenant.objects.values_list("id", "slug", "name").get() == (
            tenant_id,
            "acme",
            "Acme Ltd",
        )


def test_create_tenant__no_name__is_named_by_its_slug() -> None:
    with tenant_scope(UUID(run("create_tenant", "acme"))):
        assert Tenant.objects.get().name == "acme"


@pytest.mark.parametrize(
    "slug", ["", "two words", "a/b", "..", "é", "a" * 51, "-rf", "_hidden", "a\n"]
)
def test_create_tenant__slug_that_is_no_folder_name__is_refused(slug: str) -> None:
    with pytest.raises(CommandError):
        run("create_tenant", "--", slug)


def test_create_tenant__slug_that_another_tenant_has__is_refused() -> None:
    run("create_tenant", "acme")
    with pytest.raises(CommandError, match="acme"):
        run("create_tenant", "acme")


def test_create_api_key__printed__opens_the_api() -> None:
    key = run("create_api_key", run("create_tenant", "acme"), "ci")
    answer = APIClient().get("/api/v1/monitors", HTTP_AUTHORIZATION=f"Bearer {key}")
    assert answer.status_code == 200


def test_create_api_key__with_days__expires_then() -> None:
    tenant_id = run("create_tenant", "acme")
    run("create_api_key", tenant_id, "ci", "--role", "viewer", "--days", "30")
    with tenant_scope(UUID(tenant_id)):
        key = ApiKey.objects.get()
    assert key.scopes == ["monitors:read"]
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)


def test_create_api_key__unknown_tenant__is_refused() -> None:
    with pytest.raises(CommandError, match="no tenant"):
        run("create_api_key", str(uuid4()), "ci")


@pytest.mark.parametrize(
    "arguments", [("not-a-uuid", "ci"), ("{}", "ci", "--role", "root"), ("{}", "ci", "--days", "0"),
                  ("{}", "ci", "--days", "-1"),
                  ("{}", "n" * 101), ("{}", "ci", "--days", "99999999999"), ("{}", "ci", "--days", "731"),
                  ("{}", "ci", "--scope", "root"), ("{}", "ci", "--scope", "admin", "--role", "viewer"),
                  ("{}", "ci", "--days", "3", "--never-expires")]
)  # fmt: skip
def test_create_api_key__wrong_argument__is_refused_with_a_sentence(
    arguments: tuple[str, ...],
) -> None:
    tenant_id = run("create_tenant", "acme")
    with pytest.raises(CommandError):
        run("create_api_key", *[each.format(tenant_id) for each in arguments])


def only_key(tenant_id: str) -> ApiKey:
    with tenant_scope(UUID(tenant_id)):
        return ApiKey.objects.get()


def status_with(key: str) -> int:
    return int(APIClient().get("/api/v1/monitors", HTTP_AUTHORIZATION=f"Bearer {key}").status_code)


def test_create_api_key__scopes__are_those_given() -> None:
    tenant_id = run("create_tenant", "acme")
    run("create_api_key", tenant_id, "ci", "--scope", "runs:write", "--scope", "outcomes:write")
    assert only_key(tenant_id).scopes == ["runs:write", "outcomes:write"]


def test_create_api_key__nothing_else_said__is_an_operators_for_a_year() -> None:
    tenant_id = run("create_tenant", "acme")
    run("create_api_key", tenant_id, "ci")
    key = only_key(tenant_id)
    assert set(key.scopes) == {
        "monitors:read", "monitors:write", "runs:write", "outcomes:write", "alerts:write",
    }  # fmt: skip
    assert key.expires_at is not None
    assert abs(key.expires_at - timezone.now() - timedelta(days=365)) < timedelta(minutes=1)


def test_create_api_key__never_expires__has_no_end() -> None:
    tenant_id = run("create_tenant", "acme")
    run("create_api_key", tenant_id, "ci", "--never-expires")
    assert only_key(tenant_id).expires_at is None


def test_rotate_and_revoke_api_key__by_the_id_that_the_list_shows() -> None:
    tenant_id = run("create_tenant", "acme")
    first = run("create_api_key", tenant_id, "ci", "--role", "viewer")
    [_, row] = run("list_api_keys", tenant_id).splitlines()
    second = run("rotate_api_key", tenant_id, row.split()[0])
    assert (status_with(first), status_with(second)) == (200, 200)
    run("revoke_api_key", tenant_id, row.split()[0])
    run("revoke_api_key", tenant_id, row.split()[0])
    assert (status_with(first), status_with(second)) == (401, 200)
    assert first[:12] not in run("list_api_keys", tenant_id)
    assert "revoked" in run("list_api_keys", tenant_id, "--all")


def test_rotate_api_key__no_overlap__ends_the_old_key() -> None:
    tenant_id = run("create_tenant", "acme")
    first = run("create_api_key", tenant_id, "ci")
    key_id = str(only_key(tenant_id).id)
    assert status_with(run("rotate_api_key", tenant_id, key_id, "--overlap-days", "0")) == 200
    assert status_with(first) == 401
    with pytest.raises(CommandError, match="successor"):
        run("rotate_api_key", tenant_id, key_id)


@pytest.mark.parametrize("command", ["rotate_api_key", "revoke_api_key"])
def test_key_command__key_of_another_tenant__is_refused(command: str) -> None:
    theirs, mine = run("create_tenant", "rival"), run("create_tenant", "acme")
    text = run("create_api_key", theirs, "ci")
    with pytest.raises(CommandError, match="no such key"):
        run(command, mine, str(only_key(theirs).id))
    assert status_with(text) == 200


def test_add_member__new_person__may_sign_in_with_the_role(tenant: Tenant) -> None:
    said = StringIO()
    call_command("add_member", str(tenant.id), "ben", role="operator", stdout=said)
    user = authenticate(username="ben", password=said.getvalue().strip())
    assert isinstance(user, User)
    assert user.is_staff
    assert [(each.tenant_id, each.role) for each in memberships_of(user)] == [
        (tenant.id, "operator")
    ]


def test_add_member__known_person__changes_the_role_and_not_the_password(
    tenant: Tenant, staff: User
) -> None:
    said = StringIO()
    call_command("add_member", str(tenant.id), "ana", role="viewer", stdout=said)
    assert said.getvalue() == ""
    assert [each.role for each in memberships_of(staff)] == ["viewer"]
    assert authenticate(username="ana", password="correct horse battery") == staff


def test_add_member__unknown_tenant__is_refused_and_makes_nobody(db: None) -> None:
    with pytest.raises(CommandError, match="There is no tenant"):
        call_command("add_member", str(uuid4()), "ben")
    assert not User.objects.exists()
