"""Runs docs/tutorial.md: each command against a demo of its own, with the output that the page prints."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from drift_detector.embedded.service import clean
from drift_detector.embedded.state import unused_port
from drift_detector.embedded.welcome import read_demo

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
PATIENCE_SECONDS = 900
STOP_SECONDS = 60
MARK = "end of the output"
# The page's words for what `make manage` does; make itself would read the folder of `make run`.
PRELUDE = """
make() {{ (set -a; . {folder}/service.env; {python} manage.py ${{3#ARGS=}}); }}
"""
MASKS = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\d\d:\d\d(:\d\d(\.\d+)?)?"), "CLOCK"),
    (re.compile(r"(live replay  )\d.*"), r"\1NUMBERS"),
]


@dataclass(frozen=True)
class Step:
    """One command of the page, and what it prints."""

    command: str
    output: str


def steps(page: str) -> list[Step]:
    """The commands of all console blocks, in their order."""
    blocks = re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    prompts = re.split(r"^\$ ", "".join(blocks), flags=re.MULTILINE)
    return [step_of(text) for text in prompts if text]


def step_of(text: str) -> Step:
    """A command may go on after a backslash; the rest is its output."""
    command = re.match(r"(.*\\\n)*.*\n", text)
    assert command
    return Step(command.group().strip(), text[command.end() :].strip())


def masked(step: Step) -> Step:
    output = step.output
    for pattern, word in MASKS:
        output = pattern.sub(word, output)
    # Numbers that are masked may be wider or narrower, and with them their column.
    return Step(step.command, re.sub(r" {2,}", "  ", output))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a running demo whose past weeks are judged."""
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


def run_in_one_shell(commands: list[str], folder: Path) -> list[str]:
    """What each command prints, on both streams."""
    prelude = PRELUDE.format(folder=folder, python=sys.executable)
    marked = [f"{command}\necho '{MARK}'" for command in commands]
    script = "\n".join([prelude, *marked]).replace(".state/", f"{folder}/")
    access = {f"AUMOS_DRIFT_DEMO_{k}": v for k, v in read_demo(folder / "demo.env").items()}
    environment = {"PATH": os.environ["PATH"], **access}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return [output.strip() for output in done.stdout.split(f"{MARK}\n")[:-1]]


@pytest.mark.slow
def test_tutorial__every_command__prints_what_the_page_says(demo: Path) -> None:
    written = steps(TUTORIAL.read_text())
    commands = [step.command for step in written]
    printed = run_in_one_shell(commands, demo)
    found = [Step(*pair) for pair in zip(commands, printed, strict=True)]
    assert [masked(step) for step in found] == [masked(step) for step in written]


def test_tutorial__commands__are_no_programs() -> None:
    text = TUTORIAL.read_text()
    assert "python3 -c" not in text
    assert len(steps(text)) >= 20
