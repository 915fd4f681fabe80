"""The service behind PgBouncer in transaction mode: sessions of PostgreSQL are shared, and nothing stays in them."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
import requests
from django.db import connection, connections

from drift_detector.embedded.state import unused_port
from drift_detector.tenancy.models import Role, Tenant
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_api_key, create_tenant
from monitors.models import Monitor
from tests.conftest import role_url
from tests.e2e.conftest import (
    Service,
    is_listening,
    launch,
    stopped_together,
    wait_until,
    web_command,
)
from tests.factories import make_monitor

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
POOL = 2
THREADS = 16
REQUESTS = 10_000
HTTP_REQUESTS = 400
NOBODY = 65534
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 200
"""

pytestmark = [
    pytest.mark.skipif(PGBOUNCER is None, reason="There is no pgbouncer: make pgbouncer"),
    pytest.mark.usefixtures("committed"),
]


@dataclass(frozen=True)
class Pooler:
    """A running PgBouncer."""

    port: int

    def url(self, role: str) -> str:
        """The address of the database as one of the service's logins, through the pooler."""
        direct = urlsplit(role_url(role))
        at = f"{direct.username}:{direct.password}@127.0.0.1:{self.port}"
        return direct._replace(netloc=at).geturl()


@pytest.fixture
def pooler() -> Iterator[Pooler]:
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    database, port = urlsplit(role_url("web")), unused_port()
    users = (urlsplit(role_url(role)) for role in ("web", "app"))
    lines = [f'"{each.username}" "{unquote(each.password or "")}"' for each in users]
    (folder / "users").write_text("\n".join(lines))
    configuration = CONFIGURATION.format(
        port=database.port, own_port=port, folder=folder, pool=POOL
    )
    (folder / "pgbouncer.ini").write_text(configuration)
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses to run as root
        for each in (folder, *folder.iterdir()):
            os.chown(each, NOBODY, NOBODY)
        identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    command = [str(PGBOUNCER), "-q", str(folder / "pgbouncer.ini")]
    process = subprocess.Popen(command, **identity)
    try:
        wait_until(lambda: is_listening(port))
        yield Pooler(port)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@pytest.fixture
def tenants() -> dict[Tenant, str]:
    """Two tenants, each with one monitor that is named after it."""
    made = {}
    for slug in ("acme", "rival"):
        tenant = create_tenant(slug=slug, name=slug)
        with tenant_scope(tenant.id):
            make_monitor(name=f"Watch of {slug}")
        made[tenant] = f"Watch of {slug}"
    return made


@pytest.fixture
def through_the_pooler(pooler: Pooler) -> Iterator[None]:
    """Django's connections of all threads lead to the pooler, as web's login."""
    url, kept = urlsplit(pooler.url("web")), dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(
        PORT=str(url.port), USER=url.username, PASSWORD=unquote(url.password or "")
    )
    yield
    connection.close()
    connection.settings_dict.update(kept)


def names() -> list[str]:
    return list(Monitor.objects.values_list("name", flat=True))


class Broken(Exception):
    """A request that fails in the middle."""


def plainly(tenants: dict[Tenant, str], choose: random.Random) -> bool:
    tenant, name = choose.choice(list(tenants.items()))
    with tenant_scope(tenant.id):
        return names() == [name]


def nested(tenants: dict[Tenant, str], choose: random.Random) -> bool:
    (first, its_name), (second, others) = choose.sample(list(tenants.items()), 2)
    with tenant_scope(first.id):
        with tenant_scope(second.id):
            inside = names()
        return (inside, names()) == ([others], [its_name])


def failing(tenants: dict[Tenant, str], choose: random.Random) -> bool:
    tenant = choose.choice(list(tenants))
    try:
        with tenant_scope(tenant.id):
            names()
            raise Broken
    except Broken:
        return names() == []


def without_scope(tenants: dict[Tenant, str], choose: random.Random) -> bool:
    return names() == []


def count_wrong(tenants: dict[Tenant, str], seed: int) -> int:
    """One thread's share of the requests; how many saw rows that they must not, or missed their own."""
    choose = random.Random(seed)
    kinds: list[Callable[[dict[Tenant, str], random.Random], bool]]
    kinds = [plainly, plainly, nested, failing, without_scope]
    try:
        return sum(not choose.choice(kinds)(tenants, choose) for _ in range(REQUESTS // THREADS))
    finally:
        connections.close_all()


@pytest.mark.slow
@pytest.mark.usefixtures("through_the_pooler")
def test_pooler__interleaved_requests_of_two_tenants__leak_nothing(
    tenants: dict[Tenant, str],
) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        wrong = list(pool.map(lambda seed: count_wrong(tenants, seed), range(THREADS)))
    assert wrong == [0] * THREADS
    with psycopg.connect(role_url("owner")) as owner:
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'drift_web' AND datname = current_database()"
        (sessions,) = owner.execute(query).fetchone() or (None,)
    assert sessions == POOL


@pytest.fixture
def keys(tenants: dict[Tenant, str]) -> dict[str, str]:
    """A key of each tenant, by the name of the monitor that it may see."""
    found = {}
    for tenant, name in tenants.items():
        with tenant_scope(tenant.id):
            _, key = create_api_key(name="pooled", scopes=SCOPES[Role.OPERATOR])
        found[name] = key
    return found


def seen(url: str, key: str) -> list[str]:
    answer = requests.get(
        f"{url}/api/v1/monitors", headers={"Authorization": f"Bearer {key}"}, timeout=30
    )
    assert answer.status_code == 200
    return [each["name"] for each in answer.json()["results"]]


@pytest.mark.slow
def test_pooler__web_and_worker_behind_it__answer_and_run(
    pooler: Pooler, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    recent_data: dict[str, Any],
) -> None:  # fmt: skip
    monkeypatch.setenv("AUMOS_DRIFT_DATABASE__THROUGH_PGBOUNCER", "true")
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    worker = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "drift_detector",
        "worker",
        "--concurrency",
        "1",
    ]
    with stopped_together() as processes:
        processes.append(launch("web", web_command(port), tmp_path, database=pooler.url("web")))
        processes.append(launch("app", worker, tmp_path, database=pooler.url("app")))
        wait_until(lambda: is_listening(port))
        with ThreadPoolExecutor(THREADS) as pool:
            asked = list(keys) * (HTTP_REQUESTS // 2)
            answers = pool.map(lambda name: seen(url, keys[name]), asked)
            assert [
                names for name, names in zip(asked, answers, strict=True) if names != [name]
            ] == []
        assert judged(url, next(iter(keys.values())), recent_data) in {"ok", "drift"}


def judged(url: str, key: str, fields: dict[str, Any]) -> str:
    """The verdict of a run that a worker makes."""
    service = Service(url, key)
    monitor = service.create_monitor(fields)
    wait_until(
        lambda: service.get(f"/api/v1/monitors/{monitor['id']}")["baseline"]["status"] == "ready"
    )
    run = service.post(f"/api/v1/monitors/{monitor['id']}/run?wait=60")
    ended = wait_until(lambda: service.get(f"/api/v1/runs/{run['id']}"))
    return str(ended["verdict"])
