"""The entries that PostgreSQL writes, read with SQL as the tenant that owns them."""

import json
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from psycopg.errors import InsufficientPrivilege
from rest_framework.test import APIClient

from alerts.models import Channel
from detections.models import DetectionRun
from drift_detector.tenancy.acting import Cause, _of_process, act_as_process, acting_as
from drift_detector.tenancy.models import ApiKey, Role, Tenant, User
from drift_detector.tenancy.principal import Actor, ActorKind
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import add_member, create_api_key
from monitors.models import Monitor
from tests.drift_detector.audit.entries import entries_about, entries_of
from tests.factories import make_monitor, make_run

ANA = Cause(Actor(ActorKind.USER, id="7", name="ana"), "request-1", "10.0.0.1")
WORKER = Cause(Actor(ActorKind.PROCESS, id="worker", name="worker"))


def test_change__of_a_monitor__tells_who_what_from_and_to(in_tenant: Tenant) -> None:
    monitor = make_monitor(name="Before")
    with acting_as(ANA):
        monitor.name = "After"
        monitor.save()
    [_, entry] = entries_about(in_tenant.id, "monitors")
    told = {
        "actor_kind": "user",
        "actor_id": "7",
        "action": "update",
        "object_id": str(monitor.id),
        "tenant_id": str(in_tenant.id),
        "before": {"name": "Before"},
        "after": {"name": "After"},
        "request_id": "request-1",
        "address": "10.0.0.1",
    }
    assert told.items() <= entry.items()


def test_change__that_is_none__writes_no_entry(in_tenant: Tenant) -> None:
    monitor = make_monitor()
    before = len(entries_of(in_tenant.id))
    monitor.save()
    assert len(entries_of(in_tenant.id)) == before


def test_change__that_is_rolled_back__leaves_no_entry(in_tenant: Tenant) -> None:
    with transaction.atomic():
        make_monitor()
        transaction.set_rollback(True)
    assert entries_about(in_tenant.id, "monitors") == []


def test_change__with_sql_of_ones_own__names_the_database_role(in_tenant: Tenant) -> None:
    make_monitor(name="Mine")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE drf_monitors SET name = 'Taken'")
    entry = entries_about(in_tenant.id, "monitors")[-1]
    role = connection.settings_dict["USER"]
    assert (entry["actor_kind"], entry["actor_id"]) == ("database", role)
    assert entry["after"] == {"name": "Taken"}


def test_removal__of_a_monitor__is_one_entry_with_what_it_was(in_tenant: Tenant) -> None:
    monitor = make_monitor(name="Gone")
    make_run(monitor)
    with acting_as(ANA):
        Monitor.objects.filter(id=monitor.id)._raw_delete("default")
    last = [each for each in entries_of(in_tenant.id) if each["actor_id"] == "7"]
    assert [(each["action"], each["object_type"]) for each in last] == [("delete", "monitors")]
    assert last[0]["before"]["name"] == "Gone"


def test_work__of_a_process__is_not_told(in_tenant: Tenant) -> None:
    with acting_as(WORKER):
        run = make_run(make_monitor())
        DetectionRun.objects.filter(id=run.id).update(reason="x")
    assert entries_about(in_tenant.id, "runs") == []


def test_work__that_a_person_asks_for__is_told(in_tenant: Tenant) -> None:
    monitor = make_monitor()
    with acting_as(ANA):
        run = make_run(monitor, inline_data=b"rows", trigger="manual", requested_by="user:ana")
    [entry] = entries_about(in_tenant.id, "runs")
    assert (entry["action"], entry["object_id"]) == ("insert", str(run.id))
    assert entry["after"]["trigger"] == "manual"
    assert not {"inline_data", "requested_by"} & entry["after"].keys()


def test_work__changed_by_sql_without_an_actor__is_recorded(in_tenant: Tenant) -> None:
    run = make_run(make_monitor())
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.actor', '', true)")
        cursor.execute(
            "UPDATE drf_runs SET requested_by = '', reason = 'by hand' WHERE id = %s", [run.id]
        )
    entry = entries_about(in_tenant.id, "runs")[-1]
    assert (entry["actor_kind"], entry["actor_id"]) == ("database", "drift_commands")
    assert entry["object_id"] == str(run.id)


def test_configuration__that_a_process_changes__is_told(in_tenant: Tenant) -> None:
    with acting_as(WORKER):
        make_monitor()
    [entry] = entries_about(in_tenant.id, "monitors")
    assert (entry["actor_kind"], entry["actor_id"]) == ("process", "worker")


def test_entry__of_an_inner_scope__belongs_to_its_tenant(
    in_tenant: Tenant, other_tenant: Tenant
) -> None:
    with acting_as(ANA):
        with tenant_scope(other_tenant.id):
            make_monitor()
        make_monitor()
    for tenant in (in_tenant, other_tenant):
        [entry] = entries_about(tenant.id, "monitors")
        assert (entry["tenant_id"], entry["actor_id"]) == (str(tenant.id), "7")


def test_acting_as__block_has_ended__the_one_before_acts_again(in_tenant: Tenant) -> None:
    with acting_as(ANA):
        with acting_as(WORKER):
            make_monitor()
        make_monitor()
    make_monitor()
    kinds = [each["actor_kind"] for each in entries_about(in_tenant.id, "monitors")]
    assert kinds == ["process", "user", "database"]


def test_process__that_has_a_name__acts_where_no_request_does(in_tenant: Tenant) -> None:
    act_as_process(ActorKind.COMMAND, "repair")
    try:
        with tenant_scope(in_tenant.id):
            make_monitor()
    finally:
        _of_process.clear()
    [entry] = entries_about(in_tenant.id, "monitors")
    assert (entry["actor_kind"], entry["actor_id"]) == ("command", "repair")


def test_cause__as_text__comes_back() -> None:
    for cause in (ANA, WORKER, Cause(Actor(ActorKind.TOKEN, id="a b c", name="a b c"), "r", "::1")):
        assert Cause.of_text(cause.text).text == cause.text


def test_secrets__of_keys_channels_and_people__are_in_no_entry(in_tenant: Tenant) -> None:
    stored, _ = create_api_key(name="ci", scopes=SCOPES[Role.VIEWER])
    Channel.objects.create(
        tenant=in_tenant, name="Mail", kind="email", address="canary-1", secret="canary-2",
        shown_address="canary-3", previous_secret="", created_by="user:canary-4",
    )  # fmt: skip
    user = User.objects.create_user("canary-5", "canary-6@x.org", "canary-7", first_name="canary-8")
    user.set_password("canary-9 again")
    user.save()
    text = json.dumps(entries_of(in_tenant.id))
    assert "canary" not in text
    assert stored.sha256 not in text
    assert user.password not in text
    assert '"password": "(hidden)"' in text


def test_value__that_is_long__is_cut(in_tenant: Tenant) -> None:
    make_monitor(feature_columns=[f"column_{number}" for number in range(1000)])
    [entry] = entries_about(in_tenant.id, "monitors")
    assert 1000 <= len(entry["after"]["feature_columns"]) <= 1001


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO drf_audit (actor_kind, actor_id, action, object_type) VALUES ('key', 'x', 'update', 'runs')",
        "UPDATE drf_audit SET actor_id = 'x'",
        "DELETE FROM drf_audit",
        "TRUNCATE drf_audit",
        "DELETE FROM drf_audit_default",
        "SELECT * FROM drf_audit_default",
        "ALTER TABLE drf_monitors DISABLE TRIGGER audit_row",
        "SELECT drf_audit_write(NULL, 'update', 'runs', '', NULL, NULL)",
        "SELECT drf_audit_note('update', 'runs', '')",
        "SELECT set_config('session_replication_role', 'replica', true)",
    ],
)
def test_app__entry_made_changed_or_removed__is_refused(in_tenant: Tenant, statement: str) -> None:
    with pytest.raises(ProgrammingError) as refusal, transaction.atomic():
        connection.cursor().execute(statement)
    assert isinstance(refusal.value.__cause__, InsufficientPrivilege)


def test_entries__of_another_tenant__are_not_there(in_tenant: Tenant, other_tenant: Tenant) -> None:
    with tenant_scope(other_tenant.id):
        make_monitor()
    assert {each["tenant_id"] for each in entries_of(in_tenant.id)} == {str(in_tenant.id)}


def test_member__added_by_a_command__is_told_by_id(in_tenant: Tenant) -> None:
    user = User.objects.create_user("ana")
    add_member(user=user, role=Role.ADMIN)
    [entry] = entries_about(in_tenant.id, "memberships")
    assert entry["after"] == {
        "role": "admin",
        "user_id": user.pk,
        "is_by_provider": False,
    }


def test_monitor__made_by_a_worker__is_told_of_the_key_that_asked(
    api: APIClient, tenant: Tenant, monitor_fields: dict[str, Any]
) -> None:
    assert api.post("/api/v1/monitors", monitor_fields).status_code == 201
    with tenant_scope(tenant.id):
        key = ApiKey.objects.get()
    [entry] = entries_about(tenant.id, "monitors")
    assert (entry["actor_kind"], entry["actor_id"]) == ("key", str(key.id))
    [asked, *_] = entries_about(tenant.id, "jobs")
    assert entry["request_id"] == asked["request_id"] != ""
