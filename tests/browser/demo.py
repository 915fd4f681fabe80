"""The demo from outside: its address, its key, its person, and its data folder."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from drift_detector.embedded.state import unused_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 600
"""For a start that hangs; a first start migrates, draws the data and judges forty weeks."""
SETTLING = ("queued", "running")
UNENDED = (*SETTLING, "building", "pending")


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    url: str
    key: str
    user: str
    password: str
    folder: Path

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of an address of the API."""
        headers = {"Authorization": f"Bearer {self.key}"}
        response = requests.get(
            f"{self.url}/api/v1{path}", params=query, headers=headers, timeout=60
        )
        assert response.ok, response.text
        return response.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer of the API to a request."""
        headers = {"Authorization": f"Bearer {self.key}"}
        url = f"{self.url}/api/v1{path}"
        response = requests.post(url, json=body, headers=headers, timeout=60)
        assert response.ok, response.text
        return response.json()

    def status_with(self, key: str) -> int:
        """The status of an answer of the API to another key."""
        headers = {"Authorization": f"Bearer {key}"}
        return requests.get(f"{self.url}/api/v1/monitors", headers=headers, timeout=60).status_code

    def wait_for(self, path: str) -> Any:
        """What is at an address of the API once its work has ended."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            found = self.get(path)
            if found["status"] not in UNENDED:
                return found
            time.sleep(1)
        raise AssertionError(f"{path} did not end.")

    @property
    def data(self) -> Path:
        """The folder that the tenant may read."""
        return self.folder / "data"

    def monitor(self, name: str) -> Any:
        """A monitor by its name."""
        return next(each for each in self.get("/monitors")["results"] if each["name"] == name)

    def manage(self, *arguments: str) -> str:
        """The output of a command of `manage.py`."""
        settings = dict(
            line.split("=", 1) for line in (self.folder / "service.env").read_text().splitlines()
        )
        environment = _outside() | {name: shlex.split(value)[0] for name, value in settings.items()}
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, check=True, text=True
        )
        return done.stdout.strip()


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """Start the demo, wait until its past weeks are judged, and stop it at the end."""
    port = unused_port()
    command = [sys.executable, "-m", "tests.browser.run_demo", str(folder), str(port)]
    log = (folder.parent / "demo.log").open("w")
    process = subprocess.Popen(command, cwd=ROOT, env=_outside(), stdout=log, stderr=log)
    try:
        demo = _wait_for_demo(process, folder, port)
        _wait_until_settled(demo)
        yield demo
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_SECONDS)
        log.close()


def _outside() -> dict[str, str]:
    """The environment without settings of the tests."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("AUMOS_DRIFT_")
    }


def _wait_for_demo(process: subprocess.Popen[bytes], folder: Path, port: int) -> Demo:
    access = folder / "demo.env"
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, (folder.parent / "demo.log").read_text()[-4000:]
        if access.exists() and _answers(port):
            return _demo(access, folder, port)
        time.sleep(1)
    raise AssertionError((folder.parent / "demo.log").read_text()[-4000:])


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok
    except requests.ConnectionError:
        return False


def _demo(access: Path, folder: Path, port: int) -> Demo:
    names = dict(line.split("=", 1) for line in access.read_text().splitlines() if "=" in line)
    values = {
        name.removeprefix("AUMOS_DRIFT_DEMO_"): shlex.split(value)[0]
        for name, value in names.items()
    }
    return Demo(
        url=f"http://127.0.0.1:{port}",
        key=values["API_KEY"],
        user=values["ADMIN_USER"],
        password=values["ADMIN_PASSWORD"],
        folder=folder,
    )


def _wait_until_settled(demo: Demo) -> None:
    """Wait until no run is queued or running."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if not any(demo.get("/runs", status=status)["results"] for status in SETTLING):
            return
        time.sleep(2)
    raise AssertionError("The runs of the demo did not end.")
