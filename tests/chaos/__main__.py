"""`make chaos`: what survives which fault, of real processes on real servers; prints the table and writes it into docs.

`--short` takes minutes instead of most of an hour, with smaller numbers and a hastier service; its lines say so.
`--only NAME …` injects some of the faults, and their lines alone are written anew.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from drift_detector.embedded import interrupts
from drift_detector.embedded.throwaway import remove_abandoned
from tests.chaos import lane
from tests.chaos.faults import FAULTS
from tests.chaos.forms import HASTY, Row
from tests.document import read_measured, replace_measured

DOCUMENT = Path(__file__).parents[2] / "docs" / "guarantees.md"
HEAD = "| fault | expected | measured | verdict |\n|---|---|---|---|"
# Those that wait for the clock most of their time run beside those that work, which are the rest.
WAITING = (
    ("beats-killed", "database-restarted", "beat-down"),
    ("leader-frozen", "schedule-edited", "tenant-bursts"),
)
STOP_SECONDS = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="some minutes, with small numbers")
    parser.add_argument(
        "--only", choices=list(FAULTS), nargs="+", help="some faults; the others keep their lines"
    )
    options = parser.parse_args()
    interrupts.catch()
    remove_abandoned()
    names = options.only or list(FAULTS)
    try:
        rows = _measure("short" if options.short else "full", names)
    except interrupts.Interrupted as interrupted:
        return interrupted.exit_code
    _write({name: row.as_markdown(name) for name, row in rows.items()}, is_short=options.short)
    return 0 if len(rows) == len(names) and all(row.is_met for row in rows.values()) else 1


def _measure(form: str, names: Sequence[str]) -> dict[str, Row]:
    began = time.monotonic()
    if form == "short":
        hasty = ", ".join(f"{name.split('__')[1].lower()} {value}" for name, value in HASTY.items())
        print(f"Short form, the service's settings changed: {hasty}.\n")
    print(HEAD, flush=True)
    working = tuple(name for name in FAULTS if not any(name in each for each in WAITING))
    lanes = [[name for name in names if name in each] for each in (*WAITING, working)]
    rows = {}
    for line in _side_by_side([lane.command(form, each) for each in lanes if each]):
        name, row, seconds = lane.parse(line)
        rows[name] = row
        print(row.as_markdown(name), flush=True)
        print(f"{name}: {seconds:.0f} s", file=sys.stderr)
    print(f"\n{time.monotonic() - began:.0f} s in all.")
    return rows


def _side_by_side(commands: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines that several processes print, as they come."""
    lines: SimpleQueue[str | None] = SimpleQueue()

    def forward(process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    with _running(commands) as processes:
        for process in processes:
            Thread(target=forward, args=(process,), daemon=True).start()
        for _ in processes:
            yield from iter(lines.get, None)


@contextmanager
def _running(commands: Sequence[Sequence[str]]) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are told to stop, and waited for, when the block ends before they do."""
    processes: list[subprocess.Popen[str]] = []
    try:
        for command in commands:
            processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(STOP_SECONDS)


def _write(lines: dict[str, str], *, is_short: bool) -> None:
    """Replace these lines of the document's table; what was measured in full is not replaced by the short form."""
    kept = {
        name: line
        for line in read_measured(DOCUMENT)
        for name in FAULTS
        if line.startswith(f"| `{name}`: ")
    }
    if is_short:
        marked = {name: line.replace(": ", ": (short form) ", 1) for name, line in lines.items()}
        known = kept | {
            name: line for name, line in marked.items() if "(short form)" in kept.get(name, line)
        }
    else:
        known = kept | lines
    machine = f"Measured on {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}."
    replace_measured(
        DOCUMENT, "\n".join([machine, "", HEAD, *(known[name] for name in FAULTS if name in known)])
    )


if __name__ == "__main__":
    sys.exit(main())
