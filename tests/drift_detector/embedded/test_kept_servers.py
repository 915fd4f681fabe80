import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drift_detector.embedded.kept_servers import ADDRESSES, kept_addresses
from tests.drift_detector.embedded.conftest import Launch, read_until

KEEP = "from {module} import keep_servers; raise SystemExit(keep_servers(Path({folder!r})))"
EXECUTE = "from {module} import execute_kept; execute_kept({command!r}, Path({folder!r}))"
MODULE = "drift_detector.embedded.kept_servers"
UP = "Ctrl-C stops the servers."
SHOW_URL = "import os; print(os.environ['AUMOS_DRIFT_DATABASE__URL'])"
DEBUGGED = (
    "def test_debugged() -> None:\n    value = 6 * 7\n    breakpoint()\n    assert value == 42\n"
)


def program(text: str, **values: object) -> list[str]:
    return ["-c", "from pathlib import Path; " + text.format(module=MODULE, **values)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the addresses; the servers' data are in a temporary folder of the test's own."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path / "servers"


@pytest.fixture
def servers(launch: Launch, folder: Path) -> subprocess.Popen[str]:
    process = launch(*program(KEEP, folder=str(folder)))
    read_until(process, UP)
    return process


@pytest.fixture
def run_kept(launch: Launch, folder: Path) -> Callable[..., str]:
    def run(*command: str) -> str:
        wanted = program(EXECUTE, folder=str(folder), command=[sys.executable, *command])
        return launch(*wanted).communicate()[0]

    return run


def test_servers__up__two_commands_find_the_same_ones(
    servers: subprocess.Popen[str], folder: Path, run_kept: Callable[..., str]
) -> None:
    url = kept_addresses(folder)["AUMOS_DRIFT_DATABASE__URL"]
    assert [run_kept("-c", SHOW_URL) for _ in range(2)] == [f"{url}\n"] * 2


def test_servers__addresses__are_for_their_owners_eyes_only(
    servers: subprocess.Popen[str], folder: Path
) -> None:
    assert (folder / ADDRESSES).stat().st_mode & 0o077 == 0


def test_servers__second_on_the_same_folder__is_refused(
    servers: subprocess.Popen[str], launch: Launch, folder: Path
) -> None:
    second = launch(*program(KEEP, folder=str(folder)))
    assert second.communicate()[0] == f"Already running on {folder}: stop that launcher first.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_servers__stopped__end_well_and_leave_no_address(
    servers: subprocess.Popen[str], folder: Path, number: signal.Signals
) -> None:
    servers.send_signal(number)
    assert servers.wait() == 0
    assert kept_addresses(folder) == {}
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_execute_kept__launcher_was_killed__starts_its_own(
    servers: subprocess.Popen[str], folder: Path, run_kept: Callable[..., str]
) -> None:
    url = kept_addresses(folder)["AUMOS_DRIFT_DATABASE__URL"]
    servers.kill()
    servers.wait()
    an_hour_ago = time.time() - 3600  # so that the next launcher ends what was left
    for left in Path(tempfile.gettempdir()).glob("drift-throwaway-*"):
        os.utime(left, (an_hour_ago, an_hour_ago))
    assert (folder / ADDRESSES).exists()
    assert run_kept("-c", SHOW_URL) not in {"", f"{url}\n"}


def test_execute_kept__debugger__reads_the_terminals_input(
    servers: subprocess.Popen[str], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "test_debugged.py").write_text(DEBUGGED)
    pytest_command = [sys.executable, "-m", "pytest", "-p", "no:django", "-c", "/dev/null"]
    wanted = [*pytest_command, "--pdb", str(tmp_path / "test_debugged.py")]
    done = subprocess.run(
        [sys.executable, *program(EXECUTE, folder=str(folder), command=wanted)],
        input="p value\nc\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "(Pdb) 42" in done.stdout) == (0, True), done.stdout + done.stderr
