import socket
import stat
from pathlib import Path

import pytest

from drift_detector.embedded.state import State, is_free
from tests.drift_detector.embedded.conftest import Launch, read_until

HOLD = """
import sys, time
from pathlib import Path
from drift_detector.embedded.state import AlreadyRunning, State
try:
    with State(Path(sys.argv[1])).locked():
        print("held", flush=True)
        time.sleep(60)
except AlreadyRunning as error:
    print(error, flush=True)
"""


def test_secret__asked_again_later__is_the_same(tmp_path: Path) -> None:
    assert State(tmp_path).secret("key") == State(tmp_path).secret("key")


def test_secret__two_names__differ(tmp_path: Path) -> None:
    assert State(tmp_path).secret("one") != State(tmp_path).secret("two")


def test_secrets_file__written__only_its_owner_reads_it(tmp_path: Path) -> None:
    State(tmp_path).secret("key")
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_folder__made__only_its_owner_enters_it(tmp_path: Path) -> None:
    assert stat.S_IMODE(State(tmp_path / "state").folder.stat().st_mode) == 0o700


def test_port__still_free__is_the_same(tmp_path: Path) -> None:
    assert State(tmp_path).port("web") == State(tmp_path).port("web")


def test_port__taken_since__is_another(tmp_path: Path) -> None:
    before = State(tmp_path).port("web")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", before))
        listener.listen()
        assert not is_free(before)
        assert State(tmp_path).port("web") != before


def test_locked__by_another_process__refused(launch: Launch, tmp_path: Path) -> None:
    read_until(launch("-c", HOLD, str(tmp_path)), "held")
    read_until(launch("-c", HOLD, str(tmp_path)), "Already running on")


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_locked__holder_ends__free_again(launch: Launch, tmp_path: Path, end: str) -> None:
    holder = launch("-c", HOLD, str(tmp_path))
    read_until(holder, "held")
    getattr(holder, end)()
    holder.wait()
    read_until(launch("-c", HOLD, str(tmp_path)), "held")
