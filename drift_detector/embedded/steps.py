"""Commands that must succeed before the service starts."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_SECONDS = 10


class StepFailed(RuntimeError):
    """A command ended with an error; the message holds its output, unless it was shown already."""


def run_step(
    command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], shown: bool = False
) -> None:
    """Run a command to its end.

    Args:
        command: The program and its arguments.
        cwd: The working folder.
        environment: The whole environment of the command.
        shown: True if the output goes to the terminal instead of the error.

    Raises:
        StepFailed: If the exit code is not 0.
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
    output = _output(process)
    if process.returncode:
        raise StepFailed(
            f"{output or ''}`{' '.join(command)}` ended with code {process.returncode}."
        )


def _output(process: subprocess.Popen[str]) -> str | None:
    """Wait for the end; an interruption ends the command first."""
    try:
        output, _ = process.communicate()
    except BaseException:
        _end(process)
        raise
    return output


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
