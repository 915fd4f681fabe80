"""The entrance of `drift`: the exit code says drift only if drift was found, whatever happens inside."""

import os
import sys
from codecs import lookup
from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb
from typing import IO

NAME = "drift"
FAILED = 2
PIPE_CLOSED = 141
"""The code of a command that a closed pipe has ended: 128 and the number of SIGPIPE."""


class UnwritableOutput(Exception):
    """Standard output takes nothing; the text says why."""


def enter(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Those of the command line, without the command's name.

    Returns:
        The exit code of the subcommand; 2, with a sentence, after any failure; 141 if the reader of its output has
        closed the pipe.
    """
    try:
        code = _run(arguments)
        flush_out()
    except BrokenPipeError:
        _drop(sys.stdout)
        return PIPE_CLOSED
    except UnwritableOutput as error:
        return fail(str(error))
    except Exception as error:  # noqa: BLE001 — 1, Python's code for any error, means drift
        return fail(_unexpected(error))
    return code


def _run(arguments: Sequence[str]) -> int:
    # What the command needs is imported inside: a library that cannot be loaded is an error like any other.
    from drift_detector.commands.drift_command import run

    try:
        return run(arguments)
    except SystemExit:  # of --help and of wrong arguments
        flush_out()
        raise


def write_out(text: str) -> None:
    """Write a text and a line break; characters that the encoding lacks are written as escapes.

    Raises:
        BrokenPipeError: If the reader has closed the pipe.
        UnwritableOutput: If it cannot be written.
    """
    out = sys.stdout
    if out is None:
        raise UnwritableOutput("The result cannot be written: standard output is closed.")
    encoding = getattr(out, "encoding", None) or "utf-8"
    written = f"{text}\n".encode(encoding, "backslashreplace").decode(encoding)
    try:
        out.write(written)
    except OSError as error:
        raise _unwritable(error) from error


def takes_all_letters() -> bool:
    """True if standard output is in an encoding that has every letter."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return lookup(encoding).name.startswith("utf")


def flush_out() -> None:
    """Write what waits; raises as `write_out`."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> BrokenPipeError | UnwritableOutput:
    """The error that the caller raises for an error of the system."""
    if isinstance(error, BrokenPipeError):
        return error
    _drop(sys.stdout)
    return UnwritableOutput(f"The result cannot be written: {error.strerror}.")


def fail(reason: str) -> int:
    """Say on standard error, if it is open, why the command failed; its exit code."""
    if sys.stderr is None:
        return FAILED
    try:
        sys.stderr.write(f"{NAME}: {reason}\n")
        sys.stderr.flush()
    except OSError:
        _drop(sys.stderr)
    return FAILED


def _unexpected(error: Exception) -> str:
    """An error that no one foresaw, in a sentence, with the line that raised it."""
    *_, last = extract_tb(error.__traceback__)
    text = " ".join(str(error).split()).rstrip(".")
    about = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"Unexpected {about} ({Path(last.filename).name}, line {last.lineno})."


def _drop(stream: IO[str]) -> None:
    """Lead a stream that takes nothing into the void: at exit Python writes what still waits in it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
