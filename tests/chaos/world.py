"""Servers of their own, and the service's real processes on them: started, killed, stopped and asked from outside."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString

import psutil  # type: ignore[import-untyped]
import psycopg
import requests
from psycopg import sql

from drift_detector.embedded.leftovers import MARKER
from drift_detector.embedded.postgres import SUPERUSER, Postgres
from drift_detector.embedded.processes import Process, manage, service_processes
from drift_detector.embedded.roles import OWNER
from drift_detector.embedded.stack import Role, Stack, create_broker
from drift_detector.embedded.state import LOOPBACK, State, unused_port
from drift_detector.embedded.throwaway import throwaway_state
from drift_detector.embedded.valkey import Valkey
from tests.chaos.link import Link
from tests.chaos.waiting import wait_until

ROOT = Path(__file__).parents[2]
MOST_WORKERS = 3
TENANTS = ("chaos", "rival")
PREPARED = "prepared"
# Nothing of the environment that started us leads to another database, or slows the processes down by tracing them.
LEFT_OUT = ("AUMOS_DRIFT_", "DRIFT_", "COV")
# Channels lead to receivers on loopback, which are tried again soon.
NOTIFIER_SETTINGS = {
    "AUMOS_DRIFT_NOTIFIER__ALLOWED_HOSTS": json.dumps([LOOPBACK]),
    "AUMOS_DRIFT_NOTIFIER__SEND_SECONDS": "2",
    "AUMOS_DRIFT_NOTIFIER__RETRY_SECONDS": "1",
    "AUMOS_DRIFT_NOTIFIER__MAX_PER_HOUR": "100000",
    "AUMOS_DRIFT_ENCRYPTION__KEY": "only-for-a-world-that-is-thrown-away",
}


class World:
    """The service, from outside."""

    def __init__(self, state: State, stack: Stack, settings: Mapping[str, str]) -> None:
        """Start nothing yet; a cable leads clients to the broker, which goes on while it is cut."""
        self.root = ROOT
        self.folder = state.folder
        self.stack = stack
        self.kafka = stack.kafka
        self.kafka_link = Link(self.kafka.port)
        self.kafka.clients_port = self.kafka_link.port
        self._secret = state.secret("secret_key")
        self._settings = settings
        self._port = unused_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._session = requests.Session()
        self._keys: dict[str, str] = {}
        self._tenants: dict[str, str] = {}
        self._log = state.log

    @property
    def url(self) -> str:
        """The address of the web process."""
        return f"http://{LOOPBACK}:{self._port}"

    def key(self, tenant: str) -> str:
        """The API key of a tenant."""
        return self._keys[tenant]

    def add_person(self, tenant: str, name: str) -> str:
        """Make a person who may look at a tenant in the admin; returns the password."""
        return self._run("commands", "add_member", self._tenants[tenant], name)

    def set_runs_left(self, tenant: str, number: int | None) -> None:
        """Let a tenant have so many runs more today; None for as many as before."""
        command = ("set_quota", self._tenants[tenant])
        (used,) = re.findall(r"runs_per_day=\d+ used=(\d+)", self._run("commands", *command))
        limit = "default" if number is None else str(int(used) + number)
        self._run("commands", *command, f"runs_per_day={limit}")

    def pid(self, name: str) -> int:
        """The process id of a process that was started."""
        return self._processes[name].pid

    @property
    def data(self) -> Path:
        """Where the windows are that monitors may read."""
        folder = self.folder / "data"
        folder.mkdir(exist_ok=True)
        return folder

    def database_url(self, database: str = "drift") -> str:
        """The database as the superuser, whom no row-level security holds back."""
        return self.stack.postgres.role_url(SUPERUSER, database)

    def rows(self, query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with psycopg.connect(self.database_url(), autocommit=True) as database:
            return database.execute(query, parameters).fetchall()

    def count(self, query: LiteralString, *parameters: Any) -> int:
        """The number that the database answers."""
        return int(self.rows(query, *parameters)[0][0])

    def change(self, query: LiteralString, *parameters: Any) -> int:
        """Change rows, and how many."""
        with psycopg.connect(self.database_url(), autocommit=True) as database:
            return database.execute(query, parameters).rowcount

    def prepare(self) -> None:
        """Migrate, and make two tenants with a key each; `refresh` comes back to this."""
        self._run("owner", "migrate", "--verbosity", "0")
        for name in TENANTS:
            tenant = self._tenants[name] = self._run("commands", "create_tenant", name)
            self._keys[name] = self._run("commands", "create_api_key", tenant, name)
        self._act_as(TENANTS[0])
        self.copy_database("drift", PREPARED)

    def refresh(self) -> None:
        """Begin again, with no process, the database as it was prepared, and nothing in the brokers."""
        self.clear()
        self.root = ROOT
        self.copy_database(PREPARED, "drift")
        for server in (self.stack.valkey, self.kafka):  # which keep nothing
            server.stop()
            server.start()

    def copy_database(self, source: str, copy: str) -> None:
        """Make or replace a database as a copy of one that nobody uses at the moment."""
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as cluster:
            cluster.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(copy))
            )
            names = sql.Identifier(copy), sql.Identifier(OWNER), sql.Identifier(source)
            cluster.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*names))

    def start(self, *names: str) -> None:
        """Start processes as `make run` does, each as its own role: `worker.1`, `beat.2`, `relay`, …"""
        commands = {
            process.name: process
            for process in service_processes(port=self._port, workers=MOST_WORKERS)
        }
        for name in names:
            process = commands.get(name) or commands[name.split(".")[0]]
            self._processes[name] = self._launch(name, process)
        if "web" in names:
            wait_until(self._answers, "the web process")

    @contextmanager
    def some_worker(self) -> Iterator[None]:
        """Have a worker while the block runs, one of its own if there is none."""
        if any(name.startswith("worker") for name in self._processes):
            yield
            return
        self.start("worker.1")
        try:
            yield
        finally:
            self.stop("worker.1")

    def stop(self, *names: str) -> None:
        """Ask processes to end, and wait until they have."""
        for name in names:
            self._processes[name].terminate()
        for name in names:
            self._processes.pop(name).wait(60)

    def kill(self, name: str) -> None:
        """kill -9, with all its children."""
        process = self._processes.pop(name)
        _signal(process, signal.SIGKILL)
        process.wait()

    def freeze(self, name: str) -> None:
        """Stop a process and its children in the middle of whatever they do."""
        _signal(self._processes[name], signal.SIGSTOP)

    def terminate(self, name: str) -> None:
        """Tell a frozen process to end while its children stay frozen, and wait until it has."""
        process = self._processes.pop(name)
        os.kill(process.pid, signal.SIGCONT)
        process.terminate()
        process.wait(60)

    def thaw(self, name: str) -> None:
        """Let a frozen process go on."""
        _signal(self._processes[name], signal.SIGCONT)

    def ended(self) -> list[str]:
        """The processes that ended though nobody asked them to."""
        return [name for name, process in self._processes.items() if process.poll() is not None]

    def ports(self, name: str) -> list[int]:
        """Where the connections of a process and of its children come from; servers know their clients by that."""
        process = psutil.Process(self._processes[name].pid)
        family = [process, *process.children(recursive=True)]
        return [end.laddr.port for each in family for end in each.net_connections(kind="tcp")]

    def log_of(self, name: str) -> list[dict[str, Any]]:
        """What a process has logged, over all its lives."""
        lines = self._log(name).read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    @contextmanager
    def acting_as(self, tenant: str) -> Iterator[None]:
        """Ask the API as another tenant; for one thread at a time."""
        self._act_as(tenant)
        try:
            yield
        finally:
            self._act_as(TENANTS[0])

    @contextmanager
    def acting_as_admin(self) -> Iterator[None]:
        """Ask the API with an admin's key of the first tenant; for one thread at a time."""
        tenant = self._tenants[TENANTS[0]]
        key = self._run("commands", "create_api_key", tenant, "chaos-admin", "--role", "admin")
        self._session.headers["Authorization"] = f"Bearer {key}"
        try:
            yield
        finally:
            self._act_as(TENANTS[0])

    def get(self, path: str) -> Any:
        """What the API answers."""
        answer = self._session.get(f"{self.url}/api/v1/{path}", timeout=60)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        """Ask the API for something, again and again until it does not answer with an error of its own."""
        return wait_until(lambda: self._post(path, body), f"POST {path}", pause=0.2)

    def patch(self, path: str, body: Any) -> Any:
        """Change something through the API."""
        answer = self._session.patch(f"{self.url}/api/v1/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def clear(self) -> None:
        """Kill whatever is left."""
        for name in list(self._processes):
            self.kill(name)

    def _act_as(self, tenant: str) -> None:
        self._session.headers["Authorization"] = f"Bearer {self._keys[tenant]}"

    def _post(self, path: str, body: Any) -> Any:
        try:
            answer = self._session.post(f"{self.url}/api/v1/{path}", json=body, timeout=60)
        except requests.RequestException:
            return None
        if answer.status_code >= 500:
            return None
        if not answer.ok:
            raise RuntimeError(f"POST {path}: {answer.text}")
        return answer.json()

    def _answers(self) -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"{self.url}/healthz", timeout=5).status_code < 500
        return False

    def _launch(self, name: str, process: Process) -> subprocess.Popen[bytes]:
        with self._log(name).open("a") as log:
            return subprocess.Popen(
                process.command,
                cwd=self.root,
                env=self._environment(process.role),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _run(self, role: Role, *arguments: str) -> str:
        # A command that pauses in a transaction is no process that hangs; the leases here are short.
        environment = self._environment(role) | {"AUMOS_DRIFT_RUNS__LEASE_SECONDS": "60"}
        done = subprocess.run(
            manage(*arguments), cwd=self.root, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{arguments[0]}: {done.stderr}")
        return done.stdout.strip()

    def _environment(self, role: Role) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
        ours = {
            "AUMOS_DRIFT_SECRET_KEY": self._secret,
            "AUMOS_DRIFT_ALLOWED_HOSTS": json.dumps([LOOPBACK]),
            "AUMOS_DRIFT_STATIC_ROOT": str(self.folder),
            "AUMOS_DRIFT_DATA__ALLOWED_ROOTS": json.dumps([str(self.data)]),
            MARKER: str(self.folder),
            **NOTIFIER_SETTINGS,
        }
        return kept | ours | self.stack.settings(role) | dict(self._settings)


@contextmanager
def running_world(settings: Mapping[str, str]) -> Iterator[World]:
    """Servers with the service's tables on them, gone afterwards with every process of theirs.

    PostgreSQL keeps what it has committed even if it is killed; Valkey and the broker keep nothing.

    Args:
        settings: Settings of the service beyond those that lead to the servers.
    """
    with throwaway_state() as state:
        kafka = create_broker(state, durable=False)
        stack = Stack(Postgres(state, durable=True), Valkey(state, durable=False), kafka)
        world = World(state, stack, settings)
        with stack.running(report=lambda _: None):
            try:
                world.prepare()
                yield world
            finally:
                world.clear()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)  # each leads a group of its own, with its children in it
