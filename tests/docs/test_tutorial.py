"""Runs docs/tutorial.md: each command against a demo of its own, with the output that the page prints."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from drift_detector.embedded.welcome import read_demo

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
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
