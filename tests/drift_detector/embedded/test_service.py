import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_detector.embedded.placement import home_of
from drift_detector.embedded.service import Service, clean
from drift_detector.embedded.state import State, unused_port
from tests.drift_detector.embedded.conftest import (
    PATIENCE_SECONDS,
    Launch,
    marked_processes,
    read_until,
)

FAKE = ("-m", "tests.drift_detector.embedded.fake_service")
SLEEPER = "import time; time.sleep(60)"
# Its child lives in the same group and would be hit by a signal to the group.
PARENT = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
def stop(*_):
    print("child alive:", child.poll() is None, flush=True)
    child.kill()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("parent waits", flush=True)
child.wait()
"""
READY = "Ctrl-C stops everything"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    clean(folder)


@pytest.fixture
def port() -> int:
    return unused_port()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serve__signal__ends_well_and_leaves_nothing(
    launch: Launch, folder: Path, port: int, number: signal.Signals
) -> None:
    process = launch(*FAKE, str(folder), str(port), f"sleeper={SLEEPER}")
    read_until(process, READY)
    assert len(marked_processes(folder)) == 5
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 0
    assert marked_processes(folder) == []


def test_serve__ready__shows_where_and_how(launch: Launch, folder: Path, port: int) -> None:
    said = read_until(launch(*FAKE, str(folder), str(port)), READY)
    assert f"http://127.0.0.1:{port}/admin/" in said
    assert (
        f'curl -H "Authorization: Bearer adk_demo" http://127.0.0.1:{port}/api/v1/monitors' in said
    )
    assert "==> PostgreSQL 18 ready (" in said


def test_serve__a_process_ends__stops_all_and_names_it(
    launch: Launch, folder: Path, port: int
) -> None:
    process = launch(
        *FAKE, str(folder), str(port), "relay=import time; time.sleep(1); raise SystemExit(3)"
    )
    said, _ = process.communicate()
    assert "relay ended by itself, so everything was stopped." in said
    assert process.returncode == 3
    assert marked_processes(folder) == []


def test_serve__a_process_ends_with_code_0__is_a_failure_all_the_same(
    launch: Launch, folder: Path, port: int
) -> None:
    assert launch(*FAKE, str(folder), str(port), "relay=pass").wait() == 1


def test_serve__stopping__tells_the_process_but_not_its_children(
    launch: Launch, folder: Path, port: int
) -> None:
    process = launch(*FAKE, str(folder), str(port), f"worker={PARENT}")
    read_until(process, "parent waits")
    process.terminate()
    assert "child alive: True" in process.communicate()[0]


def test_serve__second_on_the_same_folder__refused(launch: Launch, folder: Path, port: int) -> None:
    read_until(launch(*FAKE, str(folder), str(port)), READY)
    second = launch(*FAKE, str(folder), str(unused_port()))
    assert second.communicate()[0] == f"Already running on {folder}: stop that launcher first.\n"
    assert second.returncode == 1


def test_clean__while_running__refused(launch: Launch, folder: Path, port: int) -> None:
    process = launch(*FAKE, str(folder), str(port))
    read_until(process, READY)
    assert clean(folder) == 1
    process.terminate()
    process.communicate()
    assert clean(folder) == 0
    assert not folder.exists()
    assert not home_of(folder).exists()


def test_serve__port_taken__one_sentence_and_nothing_started(
    launch: Launch, folder: Path, port: int
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        process = launch(*FAKE, str(folder), str(port))
        said, _ = process.communicate()
    assert said == f"Port {port} is taken: choose another with `make run PORT=…`.\n"
    assert (process.returncode, home_of(folder).exists()) == (1, False)


def test_serve__launcher_was_killed__next_one_ends_what_it_left(
    launch: Launch, folder: Path, port: int
) -> None:
    first = launch(*FAKE, str(folder), str(port), f"sleeper={SLEEPER}")
    read_until(first, READY)
    first.kill()
    first.wait()
    assert len(marked_processes(folder)) == 5
    second = launch(*FAKE, str(folder), str(port))
    read_until(second, READY)
    assert len(marked_processes(folder)) == 4
    second.terminate()
    second.communicate()
    assert marked_processes(folder) == []


def test_serve__second_start__is_quicker(launch: Launch, folder: Path, port: int) -> None:
    seconds = []
    for _ in range(2):
        began = time.monotonic()
        process = launch(*FAKE, str(folder), str(port))
        read_until(process, READY)
        seconds.append(time.monotonic() - began)
        process.terminate()
        process.communicate()
    assert seconds[1] < seconds[0]


def test_environment__exported_by_a_person__wins_except_for_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUMOS_DRIFT_LOG__FORMAT", "json")
    monkeypatch.setenv("AUMOS_DRIFT_DATABASE__URL", "postgresql://elsewhere/db")
    service = Service(State(tmp_path), root=tmp_path, port=1)
    environment = service.environment("relay")
    assert environment["AUMOS_DRIFT_LOG__FORMAT"] == "json"
    assert environment["AUMOS_DRIFT_DATABASE__URL"] == service.stack.database_url("relay")


def test_environment__without_exports__data_root_is_in_the_state_folder(tmp_path: Path) -> None:
    environment = Service(State(tmp_path), root=tmp_path, port=1).environment("app")
    assert environment["AUMOS_DRIFT_DATA__ALLOWED_ROOTS"] == f'["{tmp_path}/data"]'


def test_environment__folders_of_a_person__the_demos_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUMOS_DRIFT_DATA__ALLOWED_ROOTS", '["/mine"]')
    environment = Service(State(tmp_path), root=tmp_path, port=1).environment("app")
    assert environment["AUMOS_DRIFT_DATA__ALLOWED_ROOTS"] == f'["/mine", "{tmp_path}/data"]'


def test_environment__folders_that_are_no_list__are_left_for_the_settings_to_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUMOS_DRIFT_DATA__ALLOWED_ROOTS", "/mine")
    environment = Service(State(tmp_path), root=tmp_path, port=1).environment("app")
    assert environment["AUMOS_DRIFT_DATA__ALLOWED_ROOTS"] == "/mine"


def test_serve__nobody_reads_its_output_any_more__stops_everything(
    launch: Launch, folder: Path, port: int
) -> None:
    ticker = "import time\nwhile True: print('tick', flush=True); time.sleep(0.1)"
    process = launch(*FAKE, str(folder), str(port), f"ticker={ticker}")
    read_until(process, READY)
    assert process.stdout
    process.stdout.close()
    process.wait(PATIENCE_SECONDS)
    assert marked_processes(folder) == []
