"""What the service's roles may do, by the catalogues and by trying."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction
from psycopg.errors import InsufficientPrivilege, RestrictViolation

from alerts.models import Channel
from drift_detector.embedded.roles import GROUPS, MEMBERSHIPS
from drift_detector.events.models import OutboxKey
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from monitors.models import Baseline, Monitor
from tests.alerts.notifier.conftest import open_alert
from tests.conftest import role_url
from tests.factories import make_monitor

PRIVILEGES = """
    SELECT relname, privilege FROM pg_class,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) privilege
    WHERE relkind IN ('r', 'p', 'v') AND relnamespace = 'public'::regnamespace
        AND has_table_privilege(%s, pg_class.oid, privilege)
"""


@pytest.fixture
def theirs(in_tenant: Tenant, other_tenant: Tenant) -> Monitor:
    """Another tenant's monitor; the test itself is in the scope of `tenant`."""
    with tenant_scope(other_tenant.id):
        return make_monitor(name="Theirs")


def sql(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """As the app's role, without the ORM."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall() if cursor.description else [(cursor.rowcount,)]


@pytest.mark.parametrize("role", MEMBERSHIPS)
def test_role__of_the_service__has_no_way_around_the_rules(
    owner: psycopg.Connection, role: str
) -> None:
    query = "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = %s"
    assert owner.execute(query, [role]).fetchall() == [(False,) * 5]


@pytest.mark.parametrize("role", MEMBERSHIPS)
def test_role__of_the_service__is_a_member_of_its_groups_only(
    owner: psycopg.Connection, role: str
) -> None:
    query = "SELECT rolname FROM pg_roles WHERE rolname <> %s AND pg_has_role(%s, oid, 'MEMBER') ORDER BY rolname"
    assert owner.execute(query, [role, role]).fetchall() == [(each,) for each in MEMBERSHIPS[role]]


@pytest.mark.parametrize("role", [*MEMBERSHIPS, *GROUPS])
def test_role__of_the_service__owns_nothing(owner: psycopg.Connection, role: str) -> None:
    query = "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = %s::regrole"
    assert owner.execute(query, [role]).fetchone() == (0,)


def test_owner__of_the_tables__is_bound_by_row_security_too(owner: psycopg.Connection) -> None:
    query = "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    assert owner.execute(query).fetchone() == (False, False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "ALTER TABLE drf_monitors DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant_isolation ON drf_monitors",
        "ALTER TABLE drf_baselines DISABLE TRIGGER baseline_is_frozen",
        "TRUNCATE drf_monitors",
        "SET ROLE drift_owner",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'y', now())",
        "UPDATE drf_outbox SET published_at = now()",
        "DELETE FROM drf_outbox",
    ],
)
def test_app__what_only_the_owner_may__is_refused(statement: str) -> None:
    with pytest.raises(ProgrammingError) as refusal:
        sql(statement)
    assert isinstance(refusal.value.__cause__, InsufficientPrivilege)


@pytest.mark.django_db
def test_app__row_security_turned_off__gets_an_error_and_no_rows() -> None:
    with transaction.atomic():
        sql("SET LOCAL row_security = off")
        with pytest.raises(ProgrammingError, match="row-level security"):
            sql("SELECT * FROM drf_monitors")


def test_app__another_tenants_rows__are_not_there(theirs: Monitor, in_tenant: Tenant) -> None:
    make_monitor(name="Mine")
    assert sql("SELECT name FROM drf_monitors") == [("Mine",)]
    assert sql("SELECT slug FROM drf_tenants") == [(in_tenant.slug,)]


def test_web__another_tenants_rows__are_not_there(
    committed_tenant: Tenant, web: psycopg.Connection
) -> None:
    with tenant_scope(committed_tenant.id):
        make_monitor(name="Mine")
    others = create_tenant(slug="rival", name="Rival")
    with tenant_scope(others.id):
        make_monitor(name="Theirs")
    assert web.execute("SELECT name FROM drf_monitors").fetchall() == []
    with web.transaction():
        web.execute("SELECT set_config('app.tenant_id', %s, true)", [str(committed_tenant.id)])
        assert web.execute("SELECT name FROM drf_monitors").fetchall() == [("Mine",)]


READS, WRITES = "SELECT", "SELECT INSERT UPDATE DELETE"
SHARED = {
    "django_celery_beat_clockedschedule": WRITES,
    "django_celery_beat_crontabschedule": WRITES,
    "django_celery_beat_intervalschedule": WRITES,
    "django_celery_beat_periodictask": WRITES,
    "django_celery_beat_periodictasks": WRITES,
    "django_celery_beat_solarschedule": WRITES,
    "django_content_type": WRITES,
    "django_migrations": READS,
    "drf_alert_events": WRITES,
    "drf_alert_runs": WRITES,
    "drf_alerts": WRITES,
    "drf_backtests": WRITES,
    "drf_bad_windows": WRITES,
    "drf_budgets": WRITES,
    "drf_baseline_frames": WRITES,
    "drf_consumer_offsets": WRITES,
    "drf_deployments": WRITES,
    "drf_detections": WRITES,
    "drf_detector_states": WRITES,
    "drf_document_objects": WRITES,
    "drf_documents": WRITES,
    "drf_error_bins": WRITES,
    "drf_health_reviews": WRITES,
    "drf_jobs": WRITES,
    "drf_given_labels": WRITES,
    "drf_label_audits": WRITES,
    "drf_monitors": WRITES,
    "drf_notifications": WRITES,
    "drf_outbox": "SELECT INSERT",
    "drf_outbox_keys": "SELECT INSERT DELETE",
    "drf_outcome_batches": WRITES,
    "drf_outcome_streams": WRITES,
    "drf_pending_outcomes": WRITES,
    "drf_profiles": WRITES,
    "drf_reports": WRITES,
    "drf_retraining_requests": WRITES,
    "drf_run_parts": WRITES,
    "drf_runs": WRITES,
    "drf_signal_changes": WRITES,
    "drf_suggestions": WRITES,
    "drf_usage": WRITES,
}
WEB_ALONE = {
    "account_emailaddress": WRITES,
    "account_emailconfirmation": WRITES,
    "mfa_authenticator": WRITES,
    "socialaccount_socialaccount": WRITES,
    "socialaccount_socialapp": WRITES,
    "socialaccount_socialtoken": WRITES,
    "auth_group": WRITES,
    "auth_group_permissions": WRITES,
    "auth_permission": WRITES,
    "django_admin_log": WRITES,
    "django_session": WRITES,
    "drf_api_keys": WRITES,
    "drf_audit": READS,
    "drf_channels": WRITES,
    "drf_maintenance_windows": WRITES,
    "drf_memberships": WRITES,
    "drf_model_mappings": WRITES,
    "drf_route_channels": WRITES,
    "drf_routes": WRITES,
    "drf_saved_filters": WRITES,
    "drf_silences": WRITES,
    "drf_users": WRITES,
    "drf_users_groups": WRITES,
    "drf_users_user_permissions": WRITES,
}
SET_BY_WEB = (
    "drf_connections",
    "drf_quotas",
    "drf_retraining_rules",
    "drf_tenants",
)
"""What people set and workers follow."""
GRANTS = {
    "drift_web": SHARED
    | WEB_ALONE
    | dict.fromkeys(SET_BY_WEB, WRITES)
    | {"drf_baselines": "INSERT UPDATE DELETE", "drf_budget_loads": READS},
    "drift_app": SHARED
    | dict.fromkeys(SET_BY_WEB, READS)
    | {"drf_baselines": WRITES, "drf_budget_loads": READS},
}
"""Written by hand: a table that is new, or a right that is new, has to be entered here."""


@pytest.mark.parametrize("role", GRANTS)
def test_grants__of_web_and_of_workers__are_those_of_the_table(
    owner: psycopg.Connection, role: str
) -> None:
    granted: dict[str, set[str]] = {}
    for table, privilege in owner.execute(PRIVILEGES, [role]).fetchall():
        granted.setdefault(table, set()).add(privilege)
    assert granted == {table: set(rights.split()) for table, rights in GRANTS[role].items()}
    assert columns(owner, role, "drf_outbox_keys", "UPDATE") == {"seq"}


def test_grants__of_web_on_baselines__leave_out_what_they_hold(owner: psycopg.Connection) -> None:
    everything = columns(owner, "drift_app", "drf_baselines", "SELECT")
    assert everything - columns(owner, "drift_web", "drf_baselines", "SELECT") == {"content"}


@pytest.mark.parametrize("table", sorted(WEB_ALONE))
def test_worker__people_keys_and_routes__are_not_its_to_read(table: str) -> None:
    with (
        psycopg.connect(role_url("app"), autocommit=True) as worker,
        pytest.raises(InsufficientPrivilege),
    ):
        worker.execute(f"SELECT * FROM {table}".encode())


def test_web__content_of_a_baseline__is_not_its_to_read(web: psycopg.Connection) -> None:
    web.execute("SELECT version, features FROM drf_baselines")
    with pytest.raises(InsufficientPrivilege):
        web.execute("SELECT content FROM drf_baselines")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE drf_monitors SET name = 'Taken' WHERE id = %s",
        "DELETE FROM drf_monitors WHERE id = %s",
    ],
)
def test_app__writing_another_tenants_row__touches_nothing(theirs: Monitor, statement: str) -> None:
    assert sql(statement, theirs.id) == [(0,)]


def test_app__row_moved_to_another_tenant__is_refused(theirs: Monitor) -> None:
    mine = make_monitor(name="Mine")
    with pytest.raises(ProgrammingError, match="violates row-level security"):
        sql("UPDATE drf_monitors SET tenant_id = %s WHERE id = %s", theirs.tenant_id, mine.id)


def test_app__row_made_for_another_tenant__is_refused(theirs: Monitor) -> None:
    with pytest.raises(ProgrammingError, match="violates row-level security"), transaction.atomic():
        Baseline.objects.create(tenant_id=theirs.tenant_id, monitor=theirs, version=9)


def test_app__tenant_made_for_another_scope__is_refused(theirs: Monitor) -> None:
    with pytest.raises(ProgrammingError, match="violates row-level security"):
        sql("INSERT INTO drf_tenants VALUES (gen_random_uuid(), 'third', 'Third', now())")


def test_app__pointer_at_another_tenants_row__is_refused(
    theirs: Monitor, in_tenant: Tenant
) -> None:
    Baseline.objects.create(tenant_id=in_tenant.id, monitor_id=theirs.id, version=9)
    with pytest.raises(DatabaseError, match="drf_baselines_monitor_id_tenant_fk"):
        sql("SET CONSTRAINTS ALL IMMEDIATE")
    Baseline.objects.filter(version=9).delete()


@pytest.mark.django_db
def test_app__no_scope__sees_nothing_and_writes_nothing(tenant: Tenant) -> None:
    with tenant_scope(tenant.id):
        make_monitor()
    assert sql("SELECT count(*) FROM drf_monitors") == [(0,)]
    assert sql("SELECT count(*) FROM drf_tenants") == [(0,)]
    with pytest.raises(ProgrammingError, match="violates row-level security"):
        sql("INSERT INTO drf_tenants VALUES (gen_random_uuid(), 'third', 'Third', now())")


@pytest.mark.parametrize(
    "column", ["content = NULL", "reason = 'x'", "status = 'building'", "version = 7"]
)
def test_baseline__ready__can_not_be_changed(in_tenant: Tenant, column: str) -> None:
    baseline = make_monitor().baselines.get()
    sql("UPDATE drf_baselines SET status = 'ready', content = 'x' WHERE id = %s", baseline.id)
    with pytest.raises(DatabaseError) as refusal:
        sql(f"UPDATE drf_baselines SET {column} WHERE id = %s", baseline.id)
    assert isinstance(refusal.value.__cause__, RestrictViolation)


def test_baseline__ready_without_content__is_refused(in_tenant: Tenant) -> None:
    baseline = make_monitor().baselines.get()
    with pytest.raises(DatabaseError, match="baseline_ready_has_content"):
        sql("UPDATE drf_baselines SET status = 'ready' WHERE id = %s", baseline.id)


def columns(owner: psycopg.Connection, role: str, table: str, privilege: str) -> set[str]:
    query = """SELECT attname FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped
               AND has_column_privilege(%(role)s, attrelid, attnum, %(privilege)s)"""
    return {
        name
        for (name,) in owner.execute(query, {"table": table, "role": role, "privilege": privilege})
    }


def test_relay__privileges__are_reading_marking_and_forgetting_the_outbox(
    owner: psycopg.Connection,
) -> None:
    granted = owner.execute(PRIVILEGES, ["drift_relay"]).fetchall()
    assert set(granted) == {("drf_outbox", "SELECT"), ("drf_outbox", "DELETE")}
    marks = {"published_at", "attempts", "not_before", "dead_at", "last_error"}
    assert columns(owner, "drift_relay", "drf_outbox", "UPDATE") == marks


def test_app__counter_of_a_key__can_be_raised_or_removed(owner: psycopg.Connection) -> None:
    granted = owner.execute(PRIVILEGES, ["drift_app"]).fetchall()
    assert {privilege for table, privilege in granted if table == "drf_outbox_keys"} == {
        "SELECT",
        "INSERT",
        "DELETE",
    }
    assert columns(owner, "drift_app", "drf_outbox_keys", "UPDATE") == {"seq"}


def test_app__counter_of_a_key__stays_as_long_as_its_monitor(in_tenant: Tenant) -> None:
    OutboxKey.objects.create(tenant=in_tenant, key=make_monitor().id)
    OutboxKey.objects.create(tenant=in_tenant, key=uuid4())
    assert sql("DELETE FROM drf_outbox_keys") == [(1,)]


def test_scheduler__privileges__are_the_ledger_and_the_schedule(owner: psycopg.Connection) -> None:
    granted = owner.execute(PRIVILEGES, ["drift_scheduler"]).fetchall()
    schedule = {
        (table, privilege)
        for table, privilege in granted
        if table.startswith("django_celery_beat_")
    }
    ledger = {("drf_run_parts", "DELETE"), ("drf_runs", "INSERT"), ("drf_runs", "DELETE")}
    ledger |= {(table, "DELETE") for table in ("drf_alerts", "drf_backtests", "drf_baselines")}
    ledger |= {("drf_outcome_batches", "DELETE"), ("drf_pending_outcomes", "DELETE")}
    ledger |= {("drf_label_audits", "DELETE")}
    counted = {("drf_usage", each) for each in ("SELECT", "INSERT", "UPDATE", "DELETE")}
    ledger |= {("drf_quotas", "SELECT"), ("drf_jobs", "DELETE")} | counted
    ledger |= {("drf_health_reviews", each) for each in ("SELECT", "INSERT")}
    assert set(granted) - schedule == ledger
    assert {privilege for _, privilege in schedule} == {"SELECT", "INSERT", "UPDATE"}


def test_scheduler__runs__shows_their_state_and_not_what_they_read_or_found(
    owner: psycopg.Connection,
) -> None:
    read = columns(owner, "drift_scheduler", "drf_runs", "SELECT")
    assert read & {"inline_data", "verdict", "reason", "rows", "request_hash"} == set()
    changed = columns(owner, "drift_scheduler", "drf_runs", "UPDATE")
    assert (
        changed & {"tenant_id", "monitor_id", "baseline_id", "scheduled_for", "inline_data", "rows"}
        == set()
    )


@pytest.mark.parametrize(
    "table", ["drf_detections", "drf_api_keys", "drf_users", "drf_memberships"]
)
def test_scheduler__results_keys_and_people__can_not_be_read(
    scheduler: psycopg.Connection, table: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        scheduler.execute(f"SELECT FROM {table}")


def test_scheduler__baselines__shows_their_state_and_not_their_data(
    scheduler: psycopg.Connection,
) -> None:
    assert (
        scheduler.execute("SELECT id, tenant_id, status, created_at FROM drf_baselines").fetchall()
        == []
    )
    with pytest.raises(InsufficientPrivilege):
        scheduler.execute("SELECT content FROM drf_baselines")


def test_scheduler__without_a_scope__sees_building_baselines_and_when_monitors_are_due(
    committed_tenant: Tenant, scheduler: psycopg.Connection
) -> None:
    with tenant_scope(committed_tenant.id):
        make_monitor()
    assert scheduler.execute("SELECT count(*) FROM drf_baselines").fetchone() == (1,)
    assert scheduler.execute("SELECT status, catch_up FROM drf_monitors").fetchall() == [
        ("active", "latest")
    ]
    with pytest.raises(InsufficientPrivilege):
        scheduler.execute("SELECT current_data_uri FROM drf_monitors")


@pytest.fixture
def event(committed_tenant: Tenant) -> None:
    """One event that waits in the outbox."""
    with tenant_scope(committed_tenant.id):
        sql(
            "INSERT INTO drf_outbox (tenant_id, event_id, topic, key, partition, seq, envelope, created_at, attempts, "
            "last_error) VALUES (%s, gen_random_uuid(), 'drift.detected', gen_random_uuid(), 0, 1, '{}', now(), 0, '')",
            committed_tenant.id,
        )


def test_relay__events_of_any_tenant__are_read_and_marked(
    event: None, relay: psycopg.Connection
) -> None:
    marked = relay.execute(
        "UPDATE drf_outbox SET published_at = now() WHERE published_at IS NULL RETURNING topic"
    )
    assert marked.fetchall() == [("drift.detected",)]


def test_relay__events_not_published__can_not_be_removed(
    event: None, relay: psycopg.Connection
) -> None:
    assert relay.execute("DELETE FROM drf_outbox").rowcount == 0
    relay.execute("UPDATE drf_outbox SET dead_at = now()")
    assert relay.execute("DELETE FROM drf_outbox").rowcount == 0
    relay.execute("UPDATE drf_outbox SET dead_at = NULL, published_at = now()")
    assert relay.execute("DELETE FROM drf_outbox").rowcount == 1


def test_relay__other_tables__can_not_be_read(relay: psycopg.Connection) -> None:
    with pytest.raises(InsufficientPrivilege):
        relay.execute("SELECT FROM drf_tenants")


def test_notifier__privileges__are_its_notifications_and_reading_what_they_need(
    owner: psycopg.Connection,
) -> None:
    granted = set(owner.execute(PRIVILEGES, ["drift_notifier"]).fetchall())
    read = {"channels", "routes", "route_channels", "silences", "maintenance_windows"}
    whole = {(f"drf_{table}", "SELECT") for table in read | {"alert_events"}}
    own = {("drf_notifications", each) for each in ("SELECT", "INSERT", "UPDATE", "DELETE")}
    assert granted == whole | own
    assert columns(owner, "drift_notifier", "drf_alert_events", "UPDATE") == {"routed_at"}
    of_monitors = columns(owner, "drift_notifier", "drf_monitors", "SELECT")
    assert of_monitors == {"id", "tenant_id", "name", "model_id"}
    assert not columns(owner, "drift_notifier", "drf_alerts", "SELECT") & {"note", "state"}


def test_notifier__without_a_scope__sees_no_channel_and_no_alert(
    committed_tenant: Tenant, notifier: psycopg.Connection
) -> None:
    with tenant_scope(committed_tenant.id):
        Channel.objects.create(tenant=committed_tenant, name="Mail", kind="email", address="x")
    assert notifier.execute("SELECT name FROM drf_channels").fetchall() == []
    assert notifier.execute("SELECT id FROM drf_alerts").fetchall() == []
    with pytest.raises(InsufficientPrivilege):
        notifier.execute("SELECT sha256 FROM drf_api_keys")


def test_notifier__in_a_scope__sees_what_waits_of_that_tenant_alone(
    committed_tenant: Tenant, notifier: psycopg.Connection
) -> None:
    others = create_tenant(slug="rival", name="Rival")
    for each in (committed_tenant, others):
        with tenant_scope(each.id):
            open_alert(make_monitor())
    query = "SELECT count(*) FROM drf_alert_events"
    assert notifier.execute(query).fetchone() == (2,)
    with notifier.transaction():
        notifier.execute("SELECT set_config('app.tenant_id', %s, true)", [str(others.id)])
        assert notifier.execute(query).fetchone() == (1,)
