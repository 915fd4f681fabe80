import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from drift_detector.embedded.placement import home_of
from tests.drift_detector.embedded.conftest import Launch, marked_processes, read_until, wait_until

EXEC = ("-m", "drift_detector.embedded", "exec", "--")
SHOW_FOLDER = """
import os, sys, psutil, time
servers = [child for child in psutil.Process(os.getppid()).children() if child.pid != os.getpid()]
print(len(servers), servers[0].environ()["DRIFT_STATE_FOLDER"], flush=True)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary folders, so that tests see no other test's."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def started_folder(said: str) -> Path:
    number, folder = said.split()
    assert number == "3"
    return Path(folder)


@pytest.mark.parametrize("code", [0, 7])
def test_exec__command_ends__its_code_and_nothing_left(
    launch: Launch, temporary: Path, code: int
) -> None:
    process = launch(*EXEC, sys.executable, "-c", f"{SHOW_FOLDER}\nsys.exit({code})")
    said, _ = process.communicate()
    folder = started_folder(said)
    assert process.returncode == code
    assert marked_processes(folder) == []
    assert [*temporary.iterdir(), *([folder] if home_of(folder).exists() else [])] == []


def test_exec__command__finds_every_address(launch: Launch, temporary: Path) -> None:
    names = "import os; print(sorted(name for name in os.environ if 'DRIFT_' in name))"
    said, _ = launch(*EXEC, sys.executable, "-c", names).communicate()
    for name in ("DATABASE__URL", "REDIS__URL", "KAFKA__BOOTSTRAP_SERVERS", "SECRET_KEY"):
        assert f"'AUMOS_DRIFT_{name}'" in said
    for role in ("OWNER", "RELAY", "SCHEDULER"):
        assert f"'DRIFT_{role}_URL'" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_exec__signal__reaches_the_command_and_nothing_is_left(
    launch: Launch, temporary: Path, number: signal.Signals
) -> None:
    waiting = (
        f"{SHOW_FOLDER}\nimport signal; signal.signal({number}, lambda *_: sys.exit(5)); "
        "print('waiting', flush=True)"
    )
    process = launch(*EXEC, sys.executable, "-c", f"{waiting}; time.sleep(60)")
    folder = started_folder(read_until(process, "waiting").removesuffix("waiting\n"))
    process.send_signal(number)
    assert process.wait() == 5
    assert marked_processes(folder) == []
    assert list(temporary.iterdir()) == []


def test_exec__command_killed_by_a_signal__says_so_in_its_code(
    launch: Launch, temporary: Path
) -> None:
    assert launch(*EXEC, "sh", "-c", "kill -KILL $$").wait() == 128 + signal.SIGKILL


def test_exec__no_such_command__is_127(launch: Launch, temporary: Path) -> None:
    process = launch(*EXEC, "no-such-command")
    assert process.communicate()[0] == "no-such-command cannot be run: No such file or directory.\n"
    assert process.returncode == 127


def test_exec__terminated_while_starting__leaves_nothing(launch: Launch, temporary: Path) -> None:
    process = launch(*EXEC, "true")
    wait_until(lambda: any(temporary.iterdir()))
    process.terminate()
    assert process.wait() in {128 + signal.SIGTERM, 0}
    assert list(temporary.iterdir()) == []


def test_exec__earlier_one_was_killed__cleans_up_after_it(launch: Launch, temporary: Path) -> None:
    process = launch(*EXEC, sys.executable, "-c", f"{SHOW_FOLDER}\ntime.sleep(1)")
    folder = started_folder(read_until(process, "drift-throwaway"))
    process.kill()
    process.wait()
    assert len(marked_processes(folder)) >= 3
    an_hour_ago = time.time() - 3600
    os.utime(folder, (an_hour_ago, an_hour_ago))
    assert launch(*EXEC, "true").wait() == 0
    assert marked_processes(folder) == []
    assert list(temporary.iterdir()) == []


def test_exec__servers__listen_on_loopback_only(launch: Launch, temporary: Path) -> None:
    script = "import os, psutil\nfor p in psutil.Process(os.getppid()).children():\n  for c in p.net_connections():\n"
    said, _ = launch(
        *EXEC, sys.executable, "-c", f"{script}    print(c.status, c.laddr.ip)"
    ).communicate()
    assert {line for line in said.splitlines() if psutil.CONN_LISTEN in line} == {
        f"{psutil.CONN_LISTEN} 127.0.0.1"
    }
