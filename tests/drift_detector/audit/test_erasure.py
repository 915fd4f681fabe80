"""A person who is erased, and a tenant that is removed, are in no column of any table afterwards."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.management import CommandError, call_command
from django.test import Client
from psycopg import sql

from alerts.models import Alert
from alerts.workflow.services import assign, comment
from algorithms.verdicts import Severity
from detections.runs.completion import complete_run
from drift_detector.audit.erasure import tenant as tenant_erasure
from drift_detector.tenancy.acting import Cause, acting_as
from drift_detector.tenancy.authentication import actor_of
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.principal import Actor, ActorKind
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import add_member, create_tenant, remove_member
from monitors.baselines import builds
from monitors.models import Monitor
from tests.alerts.notification_rows import notification_rows
from tests.alerts.retraining.rows import make_learning_rows
from tests.conftest import connected_as, role_url
from tests.factories import (
    drift_result,
    make_flights_monitor,
    make_job,
    make_monitor,
    make_run,
    take,
)

CANARY = "ana.canary+x@example.org"
ADDRESS = "203.0.113.77"
SUBJECT = "canary-subject-5f2c"
OF_NO_TENANT = """
    INSERT INTO drf_audit (actor_kind, actor_id, action, object_type, object_id, address)
    VALUES ('process', 'web', 'sign_in_failed', 'users', %s, %s)
"""
TABLES = """
    SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = 'public'::regnamespace
"""
LATE_USAGE = """
    INSERT INTO drf_usage (id, tenant_id, kind, day, amount, created_at)
    VALUES (gen_random_uuid(), %s, 'runs_per_day', '2026-01-05', 7, now())
"""
FOUND = "SELECT count(*) FROM {table} AS t WHERE strpos(t::text, {word}) > 0"


@pytest.fixture
def superuser(committed: None) -> Iterator[psycopg.Connection]:
    """A connection that no policy binds, as that of a backup."""
    with psycopg.connect(role_url("superuser"), autocommit=True) as connection:
        yield connection


def tables_with(connection: psycopg.Connection, word: str) -> dict[str, int]:
    """The tables that have a word in any column, and the number of such rows."""
    found: dict[str, int] = {}
    for (table,) in connection.execute(TABLES).fetchall():
        query = sql.SQL(FOUND).format(table=sql.SQL(table), word=sql.Literal(word))
        [(count,)] = connection.execute(query).fetchall()
        found |= {table: count} if count else {}
    return found


@pytest.fixture
def ana(
    committed_tenant: Tenant, flights: Path, client: Client, override: Callable[..., None]
) -> User:
    """A person who has left their name in every room, by pages and by services."""
    override(notifier={"allowed_hosts": ["127.0.0.1"]}, sign_in={"second_factor": "nobody"})
    user = User.objects.create_user(
        CANARY, CANARY, "correct horse battery", first_name="Ana", is_staff=True
    )
    by = f"user:{CANARY}"
    with tenant_scope(committed_tenant.id):
        add_member(user=user, role=Role.ADMIN)
        add_member(user=User.objects.create_user("ben"), role=Role.ADMIN)
        monitor = make_flights_monitor(flights, name="Flights")
        Monitor.objects.update(created_by=by)
        run = make_run(monitor, requested_by=by)
        baseline = monitor.baselines.get()
        assert complete_run(take(run), drift_result(Severity.WARNING, baseline_id=baseline.id))
        alert = Alert.objects.get()
        comment(alert_id=alert.id, by=by, note="The snow is ours.")
        assign(alert_id=alert.id, by=by, assignee=by)
        notification_rows(alert)
        make_learning_rows(monitor)
        with acting_as(Cause(actor_of(user), "request-1", ADDRESS)):
            make_job(flights, requested_by=by)
        token = Actor(ActorKind.TOKEN, id=SUBJECT, name=CANARY)
        with acting_as(Cause(token, "request-2", ADDRESS)):
            make_job(flights, requested_by=str(token))
    SocialAccount.objects.create(user=user, provider="oidc", uid=SUBJECT)
    client.post("/admin/login/", {"username": CANARY, "password": "correct horse battery"})
    address = f"/admin/tenancy/membership/{_membership(committed_tenant.id)}/change/"
    assert client.post(address, {"role": "admin"}).status_code == 302
    return user


def _membership(tenant_id: UUID) -> UUID:
    with tenant_scope(tenant_id):
        return Membership.objects.get(user__username=CANARY).id


def command(name: str, *arguments: str, **options: Any) -> str:
    said = StringIO()
    with connected_as(role_url("owner")):
        call_command(name, *arguments, stdout=said, **options)
    return said.getvalue()


def test_erase_person__afterwards__the_name_is_in_no_table(
    ana: User, superuser: psycopg.Connection
) -> None:
    superuser.execute(OF_NO_TENANT, [str(ana.pk), ADDRESS])
    assert tables_with(superuser, SUBJECT).keys() >= {"drf_audit", "drf_jobs"}
    before = tables_with(superuser, CANARY)
    assert tables_with(superuser, ADDRESS).keys() == {"drf_audit", "drf_jobs"}
    assert {
        "drf_users",
        "drf_alert_events",
        "drf_alerts",
        "drf_jobs",
        "drf_monitors",
    } <= before.keys()
    command("erase_person", CANARY, "--yes")
    assert tables_with(superuser, CANARY) == {}
    assert tables_with(superuser, ADDRESS) == {}
    assert tables_with(superuser, SUBJECT) == {}


def test_erase_person__afterwards__what_they_wrote_and_their_id_stay(
    ana: User, superuser: psycopg.Connection
) -> None:
    command("erase_person", CANARY, "--yes")
    query = "SELECT actor FROM drf_alert_events WHERE note = 'The snow is ours.'"
    assert superuser.execute(query).fetchall() == [(f"user:erased-{ana.pk}",)]
    query = (
        "SELECT count(*), max(address) FROM drf_audit WHERE actor_kind = 'user' AND actor_id = %s"
    )
    [(count, address)] = superuser.execute(query, [str(ana.pk)]).fetchall()
    assert count > 0
    assert address == ""


def test_erase_person__afterwards__no_session_goes_on(ana: User, client: Client) -> None:
    assert client.get("/admin/").status_code == 200
    command("erase_person", CANARY, "--yes")
    assert client.get("/admin/").status_code == 302


def test_erase_person__last_admin_of_a_tenant__stays(ana: User, committed_tenant: Tenant) -> None:
    with tenant_scope(committed_tenant.id):
        remove_member(user=User.objects.get(username="ben"))
    with pytest.raises(CommandError, match="admin"):
        command("erase_person", CANARY, "--yes")
    assert User.objects.filter(username=CANARY).exists()


def test_erase_person__name_that_begins_alike__stays(
    ana: User, superuser: psycopg.Connection, committed_tenant: Tenant
) -> None:
    with tenant_scope(committed_tenant.id):
        make_monitor(name="Other")
        Monitor.objects.filter(name="Other").update(created_by=f"user:{CANARY}.au")
    command("erase_person", CANARY, "--yes")
    assert tables_with(superuser, CANARY) == {"drf_monitors": 1}


def test_erase_person__by_the_apps_role__is_refused(ana: User) -> None:
    with pytest.raises(CommandError, match="owner"):
        call_command("erase_person", CANARY, "--yes")


def test_delete_tenant__afterwards__nothing_of_it_is_left_but_the_certificate(
    ana: User, committed_tenant: Tenant, superuser: psycopg.Connection, tmp_path: Path
) -> None:
    rival = create_tenant(slug="rival", name="Rival")
    with tenant_scope(rival.id):
        make_monitor(name="Theirs")
    theirs = tables_with(superuser, str(rival.id))
    path = tmp_path / "certificate.json"
    command("delete_tenant", str(committed_tenant.id), slug="acme", certificate=path)
    assert tables_with(superuser, str(committed_tenant.id)) == {"drf_audit": 1}
    assert tables_with(superuser, str(rival.id)) == theirs
    certificate = json.loads(path.read_text())
    assert certificate["removed"]["drf_monitors"] == 1
    assert certificate["removed"]["drf_audit"] > 0
    assert certificate["people"] == sorted([ana.pk, User.objects.get(username="ben").pk])
    assert certificate["ended_at"]


def test_delete_tenant__counts__are_those_of_the_tables(
    ana: User, committed_tenant: Tenant, superuser: psycopg.Connection, tmp_path: Path
) -> None:
    before = tables_with(superuser, str(committed_tenant.id))
    path = tmp_path / "certificate.json"
    command("delete_tenant", str(committed_tenant.id), slug="acme", certificate=path)
    removed = json.loads(path.read_text())["removed"]
    own = {table: count for table, count in removed.items() if table != "drf_audit"}
    assert own == {table: before[table] for table in own}
    others = {"drf_audit", "django_celery_beat_periodictask", "django_session"}
    assert before.keys() - own.keys() <= others


def test_delete_tenant__interrupted__goes_on_with_its_counts(
    committed_tenant: Tenant, superuser: psycopg.Connection, tmp_path: Path, monkeypatch: Any
) -> None:
    from drift_detector.audit.erasure import tenant as removal

    with tenant_scope(committed_tenant.id):
        for _ in range(3):
            make_monitor()
    path = tmp_path / "certificate.json"
    whole = removal._end
    monkeypatch.setattr(removal, "_end", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command("delete_tenant", str(committed_tenant.id), slug="acme", certificate=path)
    assert json.loads(path.read_text())["ended_at"] == ""
    monkeypatch.setattr(removal, "_end", whole)
    command("delete_tenant", str(committed_tenant.id), slug="acme", certificate=path)
    assert json.loads(path.read_text())["removed"]["drf_monitors"] == 3


def test_delete_tenant__while_a_baseline_is_built__leaves_nothing_of_it(
    committed_tenant: Tenant, flights: Path, superuser: psycopg.Connection, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The build has read its reference when the tenant goes, and ends afterwards."""
    with tenant_scope(committed_tenant.id):
        monitor = make_monitor(reference_data_uri=str(flights), current_data_uri=str(flights))
        baseline_id = monitor.baselines.get().id
    fit = builds.fit_reference

    def fit_and_lose_the_tenant(*arguments: Any) -> builds.FittedReference:
        fitted = fit(*arguments)
        path = tmp_path / "certificate.json"
        command("delete_tenant", str(committed_tenant.id), slug="acme", certificate=path)
        return fitted

    monkeypatch.setattr(builds, "fit_reference", fit_and_lose_the_tenant)
    ended = builds.build_baseline(
        tenant_id=committed_tenant.id, baseline_id=baseline_id, worker="worker-1"
    )
    assert ended is None
    assert tables_with(superuser, str(committed_tenant.id)) == {"drf_audit": 1}


def test_delete_tenant__process_that_writes_meanwhile__its_rows_go_too(
    committed_tenant: Tenant, superuser: psycopg.Connection, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    end = tenant_erasure._end

    def write_and_end(tenant_id: UUID, certificate: Any) -> None:
        superuser.execute(LATE_USAGE, [tenant_id])
        end(tenant_id, certificate)

    monkeypatch.setattr(tenant_erasure, "_end", write_and_end)
    path = tmp_path / "certificate.json"
    command("delete_tenant", str(committed_tenant.id), slug="acme", certificate=path)
    assert json.loads(path.read_text())["removed"]["drf_usage"] == 1
    assert superuser.execute("SELECT count(*) FROM drf_usage").fetchone() == (0,)


def test_delete_tenant__other_slug__removes_nothing(
    committed_tenant: Tenant, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="nothing was removed"):
        command("delete_tenant", str(committed_tenant.id), slug="rival", certificate=tmp_path / "x")
    with tenant_scope(committed_tenant.id):
        assert Tenant.objects.count() == 1
