"""Commands that must succeed before the service starts."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_SECONDS = 10


class StepFailed(RuntimeError):
    """A command ended with an error; the message holds what it said, unless the person has seen it already."""


def run_step(
    command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], shown: bool = False
) -> None:
    """Run a command to its end.

    Args:
        command: The program and its arguments.
        cwd: Its working folder.
        environment: All of its environment.
        shown: Whether its output goes to the terminal as it comes, rather than into the error.

    Raises:
        StepFailed: If its exit code isn't 0.
    """
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=cwd,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=None if shown else subprocess.PIPE,
        stderr=None if shown else subprocess.STDOUT,
    )
    try:
        said, _ = process.communicate()
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        raise StepFailed(f"{said or ''}`{' '.join(command)}` ended with code {process.returncode}.")


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
