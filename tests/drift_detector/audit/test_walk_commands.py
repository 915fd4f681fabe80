"""Each command of ours that writes leaves an entry that names it; a new one must find its place here."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from allauth.mfa.models import Authenticator
from django.core.management import get_commands

from alerts.models import Channel
from drift_detector.command_line import PROCESSES, NamedUtility
from drift_detector.encryption import encrypt
from drift_detector.tenancy import acting
from drift_detector.tenancy.models import Role, Scope, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import add_member, create_api_key
from tests.conftest import connected_as, role_url
from tests.drift_detector.audit.entries import entries_of

type Arguments = Callable[[Tenant], list[str]]


def reencrypt(tenant: Tenant) -> list[str]:
    with tenant_scope(tenant.id):
        Channel.objects.create(tenant=tenant, name="Mail", kind="email", address=encrypt("a@b.org"))
    return [str(tenant.id)]


DEAD_EVENT = """
    INSERT INTO drf_outbox
        (tenant_id, event_id, topic, key, partition, seq, envelope, created_at, attempts, last_error, dead_at)
    VALUES (%s, gen_random_uuid(), 'drift.detected', gen_random_uuid(), 0, 1, '{}', now(), 1, 'x', now())
"""


def key_of(tenant: Tenant) -> list[str]:
    with tenant_scope(tenant.id):
        key, _ = create_api_key(name="old", scopes=[Scope.RUNS_WRITE])
    return [str(tenant.id), str(key.id)]


def member_of(tenant: Tenant) -> list[str]:
    with tenant_scope(tenant.id):
        add_member(user=User.objects.create_user("bo"), role=Role.VIEWER)
    return [str(tenant.id), "bo"]


WRITES: dict[str, Arguments] = {
    "remove_member": member_of,
    "revoke_api_key": key_of,
    "rotate_api_key": key_of,
    "add_member": lambda tenant: [str(tenant.id), "bo"],
    "create_api_key": lambda tenant: [str(tenant.id), "ci"],
    "set_quota": lambda tenant: [str(tenant.id), "keys=5"],
    "reencrypt": reencrypt,
}
ELSEWHERE = {
    "deactivate_user": "test_command__about_a_person__is_told",
    "reset_second_factor": "test_command__about_a_person__is_told",
    "list_api_keys": "changes nothing",
    "create_tenant": "test_create_tenant__by_the_command__is_told",
    "delete_tenant": "test_erasure.py",
    "erase_person": "test_erasure.py",
    "keep_audit": "writes no row; test_trail_partitions.py",
    "check_drift": "compares files and has no database",
    "check_baselines": "asks for a baseline, as POST /monitors/{id}/baseline does",
    "outbox": "test_outbox_requeue__by_the_command__is_told",
    "seed_demo": "makes the demo by the services that the others call; takes minutes",
    "tail_events": "reads Kafka",
    "consume_outcomes": "a process",
    "notifier": "a process",
    "reconcile": "a process",
    "relay": "a process",
}


def own_commands() -> set[str]:
    """The commands of the apps of this repository."""
    rooms = ("drift_detector", "monitors", "detections", "alerts", "tasks")
    return {name for name, app in get_commands().items() if str(app).split(".")[0] in rooms}


@pytest.fixture(autouse=True)
def no_name() -> Iterator[None]:
    """A test is no process that has named itself."""
    yield
    acting._of_process.clear()


def test_commands__each_one_of_ours__is_in_this_walk() -> None:
    assert own_commands() == WRITES.keys() | ELSEWHERE.keys()
    assert {name for name, why in ELSEWHERE.items() if why == "a process"} == PROCESSES


@pytest.mark.parametrize("name", WRITES)
def test_command__that_writes__leaves_an_entry(committed_tenant: Tenant, name: str) -> None:
    arguments = WRITES[name](committed_tenant)
    before = len(entries_of(committed_tenant.id))
    NamedUtility(["manage.py", name, *arguments]).execute()
    new = entries_of(committed_tenant.id)[before:]
    assert {(each["actor_kind"], each["actor_id"]) for each in new} == {("command", name)}


def test_create_tenant__by_the_command__is_told(committed: None, capsys: Any) -> None:
    NamedUtility(["manage.py", "create_tenant", "acme"]).execute()
    tenant_id = capsys.readouterr().out.strip().splitlines()[-1]
    [entry] = entries_of(tenant_id)
    assert (entry["actor_id"], entry["action"], entry["object_id"]) == (
        "create_tenant",
        "insert",
        tenant_id,
    )


def test_outbox_requeue__by_the_command__is_told(committed_tenant: Tenant) -> None:
    with psycopg.connect(role_url("superuser")) as superuser:
        superuser.execute(DEAD_EVENT, [committed_tenant.id])
    with connected_as(role_url("relay")):
        NamedUtility(["manage.py", "outbox", "requeue", "--all"]).execute()
    entry = entries_of(committed_tenant.id)[-1]
    assert (entry["actor_id"], entry["action"], entry["object_type"]) == (
        "outbox",
        "update",
        "outbox",
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("deactivate_user", ("update", "users")),
        ("reset_second_factor", ("delete", "mfa_authenticator")),
    ],
)
def test_command__about_a_person__is_told(
    committed: None, name: str, told: tuple[str, str]
) -> None:
    user = User.objects.create_user("bo")
    Authenticator.objects.create(
        user=user, type=Authenticator.Type.TOTP, data={"secret": "hidden-one"}
    )
    NamedUtility(["manage.py", name, "bo"]).execute()
    query = "SELECT action, object_type, before::text FROM drf_audit WHERE actor_id = %s"
    with psycopg.connect(role_url("superuser")) as superuser:
        found = superuser.execute(query, [name]).fetchall()
    assert told in {(action, kind) for action, kind, _ in found}
    assert "hidden-one" not in str(found)
