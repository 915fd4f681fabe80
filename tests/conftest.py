"""A database of its own for each test process, migrated as the owner and used as the app's role, as in production."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import psycopg
import pyarrow.parquet as pq
import pytest
import redis
from django.conf import LazySettings
from django.conf import settings as global_settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from pytest_django.plugin import DjangoDbBlocker
from rest_framework.test import APIClient

from drift_detector.celery import app
from drift_detector.tenancy import services as tenancy
from drift_detector.tenancy.models import ApiKey, Membership, Role, Tenant, User
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.sign_in.hashers import Argon2
from drift_detector.throttling import counters as throttle_counters
from monitors.jobs import selectors as job_selectors
from monitors.models import Job
from tasks.monitors import answer_job
from tests.data import TIMESTAMPS, flights_like

# How long an example takes is the machine's affair; what is slow is seen in `make bench`. Each run tries the same
# examples, so that a change is judged by itself; `make test-random` draws new ones.
hypothesis_settings.register_profile("fixed", deadline=None, derandomize=True, database=None)
hypothesis_settings.register_profile("random", deadline=None)
hypothesis_settings.load_profile(os.environ.get("DRIFT_EXAMPLES", "fixed"))


MEMORY_COST, TIME_COST = Argon2.memory_cost, Argon2.time_cost

MIGRATED = "test_migrated"
NAME_OF_RUN = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"

# Several test processes share the cores, and OpenMP's threads wait for one another by spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def role_url(role: str, database: str | None = None) -> str:
    """The address of the test cluster as one of its roles: owner, web, relay or scheduler."""
    url = urlsplit(os.environ[f"DRIFT_{role.upper()}_URL"])
    return url._replace(path=f"/{database or connection.settings_dict['NAME']}").geturl()


@contextmanager
def connected_as(url: str) -> Iterator[None]:
    """Django's connection as another role."""
    parts, before = urlsplit(url), dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(USER=parts.username, PASSWORD=unquote(parts.password or ""))
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(USER=before["USER"], PASSWORD=before["PASSWORD"])


@pytest.fixture(scope="session", autouse=True)
def static_root(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whitenoise warns about a folder that `collectstatic` has not made."""
    global_settings.STATIC_ROOT = tmp_path_factory.mktemp("static")


@pytest.fixture(scope="session", autouse=True)
def own_broker() -> None:
    """Each test process has a database of its own in Valkey, where no other's messages lie."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    url = urlsplit(os.environ["AUMOS_DRIFT_REDIS__URL"])._replace(path=f"/{number}").geturl()
    os.environ["AUMOS_DRIFT_REDIS__URL"] = app.conf.broker_url = url


@pytest.fixture(scope="session", autouse=True)
def wide_limits() -> None:
    """All tests send their requests from one address, as few tenants; those of the limits set their own."""
    env = global_settings.ENV
    wide = {name: 10**6 for name in type(env.throttle).model_fields if "_per_" in name}
    throttle = env.throttle.model_copy(update=wide)
    global_settings.ENV = env.model_copy(update={"throttle": throttle})


@pytest.fixture(scope="session", autouse=True)
def patient_counters() -> None:
    """Requests wait longer for Valkey than in service, as a machine that runs tests stalls for seconds."""
    throttle_counters.PATIENCE = 10.0


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hundreds of tests make a person, and the service's hashes are slow on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Argon2, "memory_cost", 8)
        patch.setattr(Argon2, "time_cost", 1)
        yield


@pytest.fixture
def slow_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as in service."""
    monkeypatch.setattr(Argon2, "memory_cost", MEMORY_COST)
    monkeypatch.setattr(Argon2, "time_cost", TIME_COST)


@pytest.fixture
def empty_broker() -> None:
    """No message of an earlier test is left."""
    with redis.Redis.from_url(os.environ["AUMOS_DRIFT_REDIS__URL"]) as client:
        client.flushdb()


@pytest.fixture(scope="session")
def django_db_setup(
    worker_id: str, testrun_uid: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Replaces pytest-django's: the app's role may neither create databases nor tables."""
    with django_db_blocker.unblock():
        connection.settings_dict["OPTIONS"].pop("pool", None)
        connection.settings_dict["OPTIONS"].pop(
            "options"
        )  # a test's own transaction may wait, for Evidently say
        with psycopg.connect(role_url("owner", "drift"), autocommit=True) as cluster:
            # One test process migrates, and the others wait and copy.
            cluster.execute("SELECT pg_advisory_lock(hashtext(%s))", [MIGRATED])
            if cluster.execute(NAME_OF_RUN, [MIGRATED]).fetchone() != (testrun_uid,):
                _migrate(cluster, testrun_uid)
            _create_database(cluster, f"test_{worker_id}", MIGRATED)
        connection.settings_dict["NAME"] = f"test_{worker_id}"
        yield
        connection.close()


def _migrate(cluster: psycopg.Connection, testrun_uid: str) -> None:
    """Make the database that those of the test processes are copies of; its comment is the name of the run."""
    _create_database(cluster, MIGRATED, "template1")
    connection.settings_dict["NAME"] = MIGRATED
    with connected_as(role_url("owner")):
        call_command("migrate", verbosity=0)
    comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
    cluster.execute(comment.format(sql.Identifier(MIGRATED), sql.Literal(testrun_uid)))


def _create_database(cluster: psycopg.Connection, name: str, template: str) -> None:
    new, old = sql.Identifier(name), sql.Identifier(template)
    cluster.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(new))
    cluster.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(new, old))


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A test that commits, for another process or thread to read; the owner empties the tables afterwards."""
    with committing(django_db_blocker):
        yield


@contextmanager
def committing(blocker: DjangoDbBlocker) -> Iterator[None]:
    """What the block writes is committed; the owner empties the tables afterwards."""
    with blocker.unblock():
        yield
        connection.close()
    with psycopg.connect(role_url("owner")) as owner:
        tables = owner.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN "
            "('django_migrations', 'django_content_type', 'auth_permission')"
        ).fetchall()
        owner.execute(
            sql.SQL("TRUNCATE {}").format(
                sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables)
            )
        )


@pytest.fixture
def committed_tenant(committed: None) -> Tenant:
    """A tenant that other connections see."""
    return tenancy.create_tenant(slug="acme", name="Acme")


@pytest.fixture
def data_root(tmp_path: Path, settings: LazySettings) -> Path:
    """A folder that tenants may read."""
    data = settings.ENV.data.model_copy(update={"allowed_roots": [str(tmp_path)]})
    settings.ENV = settings.ENV.model_copy(update={"data": data})
    return tmp_path


@pytest.fixture
def override(settings: LazySettings) -> Callable[..., None]:
    """Change settings for one test: `override(min_rows=10)`, `override(runs={"max_attempts": 1})`."""

    def change(**values: Any) -> None:
        update = {
            name: getattr(settings.ENV, name).model_copy(update=value)
            if isinstance(value, dict)
            else value
            for name, value in values.items()
        }
        settings.ENV = settings.ENV.model_copy(update=update)

    return change


@pytest.fixture(autouse=True)
def answering_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a request waits for the answer of its job, a worker's task gives it, in this process."""
    really_wait = job_selectors.wait_for_job

    def answer_and_wait(*, tenant_id: UUID, job_id: UUID, **options: Any) -> Job:
        answer_job(tenant_id=str(tenant_id), job_id=str(job_id))
        return really_wait(tenant_id=tenant_id, job_id=job_id, **options)

    monkeypatch.setattr(job_selectors, "wait_for_job", answer_and_wait)


@pytest.fixture
def absent_worker(
    answering_worker: None, monkeypatch: pytest.MonkeyPatch, override: Callable[..., None]
) -> None:
    """No worker answers a job, and a request waits for it no longer than for a look."""
    monkeypatch.undo()
    override(jobs={"wait_seconds": 0})


@pytest.fixture
def tenant(db: None) -> Tenant:
    return tenancy.create_tenant(slug="acme", name="Acme")


@pytest.fixture
def other_tenant(db: None) -> Tenant:
    return tenancy.create_tenant(slug="rival", name="Rival")


@pytest.fixture
def in_tenant(tenant: Tenant) -> Iterator[Tenant]:
    """The test runs inside the scope of `tenant`."""
    with tenant_scope(tenant.id):
        yield tenant


def authorization_of(tenant_id: UUID, role: Role = Role.OPERATOR) -> str:
    """The header of a request with a fresh key of a tenant."""
    with tenant_scope(tenant_id):
        made, key = tenancy.create_api_key(name=f"test-{role}", scopes=SCOPES[role])
        # Noted, so that the first request has no more statements than the others.
        ApiKey.objects.filter(id=made.id).update(last_used_at=timezone.now())
    return f"Bearer {key}"


def client_of(tenant_id: UUID, role: Role = Role.OPERATOR) -> APIClient:
    """An API client with a fresh key of a tenant."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=authorization_of(tenant_id, role))
    return client


@pytest.fixture
def api(tenant: Tenant) -> APIClient:
    return client_of(tenant.id)


@pytest.fixture
def viewer_api(tenant: Tenant) -> APIClient:
    return client_of(tenant.id, Role.VIEWER)


@pytest.fixture
def admin_api(tenant: Tenant) -> APIClient:
    return client_of(tenant.id, Role.ADMIN)


@pytest.fixture
def other_api(other_tenant: Tenant) -> APIClient:
    return client_of(other_tenant.id)


@pytest.fixture
def staff(tenant: Tenant) -> User:
    """A person who may use the admin, as an operator of `tenant`."""
    user = User.objects.create_user("ana", password="correct horse battery", is_staff=True)
    with tenant_scope(tenant.id):
        Membership.objects.create(tenant=tenant, user=user, role=Role.OPERATOR)
    return user


@pytest.fixture
def flights(data_root: Path) -> Path:
    """A folder of four weeks of Parquet: weeks 1 to 3 alike, in week 4 `delay` is longer and `carrier` B is gone."""
    folder = data_root / "flights"
    folder.mkdir()
    for week, start in enumerate(TIMESTAMPS):
        pq.write_table(flights_like(week=week, start=start), folder / f"week{week}.parquet")
    return folder


@pytest.fixture
def monitor_fields(flights: Path) -> dict[str, Any]:
    """What `POST /monitors` takes to watch `flights`: weekly, the first two weeks are the reference."""
    return {
        "name": "Flights",
        "model_id": "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d",
        "reference_data_uri": str(flights),
        "reference_start": TIMESTAMPS[0].isoformat(),
        "reference_end": TIMESTAMPS[2].isoformat(),
        "current_data_uri": str(flights),
        "timestamp_column": "departs_at",
        "window": "P7D",
        "schedule_cron": "0 0 * * 1",
    }
