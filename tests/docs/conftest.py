"""A running demo, for the pages that tell what to do with it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from drift_detector.embedded.service import ROOT, clean
from drift_detector.embedded.state import unused_port
from drift_detector.embedded.welcome import read_demo

PATIENCE_SECONDS = 900
STOP_SECONDS = 60


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a running demo whose past weeks are judged; pages are tested in their order."""
    folder, port = tmp_path_factory.mktemp("tutorial") / "state", unused_port()
    ours = {name: value for name, value in os.environ.items() if "DRIFT_" not in name}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.docs.demo_service", str(folder), str(port)],
        cwd=ROOT,
        env=ours,
        stdout=(log := (folder.parent / "log").open("w")),
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until_judged(folder, process)
        yield folder
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        log.close()
        clean(folder)


def wait_until_judged(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_judged(folder / "demo.env"):
        assert process.poll() is None, (folder.parent / "log").read_text()[-5000:]
        assert time.monotonic() < deadline, (folder.parent / "log").read_text()[-5000:]
        time.sleep(0.5)


def is_judged(demo_file: Path) -> bool:
    """True when there are runs and none of them is queued or running."""
    access = read_demo(demo_file)
    try:
        counts = {status: count_runs(access, status) for status in ("queued", "running")}
        return not any(counts.values()) and count_runs(access, "succeeded") > 0
    except (KeyError, requests.RequestException):
        return False


def count_runs(access: dict[str, str], status: str) -> int:
    response = requests.get(
        f"{access['URL']}/api/v1/runs?status={status}",
        headers={"Authorization": f"Bearer {access['API_KEY']}"},
        timeout=10,
    )
    response.raise_for_status()
    page: dict[str, Any] = response.json()
    return len(page["results"])
