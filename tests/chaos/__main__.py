"""`make chaos`: what survives which fault, of real processes on real servers; prints the table and writes it into docs.

`--short` takes minutes instead of hours, with smaller numbers and a hastier service; its lines say so.
`--only NAME` injects one fault, and its line alone is written anew.
"""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

from drift_detector.embedded import interrupts
from drift_detector.embedded.throwaway import remove_abandoned
from tests.chaos.faults import FAULTS
from tests.chaos.forms import FULL, HASTY, SHORT, Form, Row
from tests.chaos.world import World, running_world
from tests.document import read_measured, replace_measured

DOCUMENT = Path(__file__).parents[2] / "docs" / "guarantees.md"
HEAD = "| fault | expected | measured | verdict |\n|---|---|---|---|"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="some minutes, with small numbers")
    parser.add_argument("--only", choices=list(FAULTS), help="one fault; the others keep their lines")
    options = parser.parse_args()
    interrupts.catch()
    remove_abandoned()
    try:
        rows = _measure(SHORT if options.short else FULL, [options.only] if options.only else list(FAULTS))
    except interrupts.Interrupted as interrupted:
        return interrupted.exit_code
    _write({name: row.as_markdown(name) for name, row in rows.items()}, is_short=options.short)
    return 0 if all(row.is_met for row in rows.values()) else 1


def _measure(form: Form, names: list[str]) -> dict[str, Row]:
    began = time.monotonic()
    if form.settings:
        hasty = ", ".join(f"{name.split('__')[1].lower()} {value}" for name, value in HASTY.items())
        print(f"Short form, the service's settings changed: {hasty}.\n")
    print(HEAD, flush=True)
    with running_world(form.settings) as world:
        rows = {name: _inject(world, form, name) for name in names}
    print(f"\n{time.monotonic() - began:.0f} s in all.")
    return rows


def _inject(world: World, form: Form, name: str) -> Row:
    began = time.monotonic()
    try:
        world.refresh()
        row = FAULTS[name](world, form)
    except Exception as error:
        measured = " ".join(f"{type(error).__name__}: {error}".split())
        row = Row(fault=name, expected="an end", measured=measured, is_met=False)
    print(row.as_markdown(name), flush=True)
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return row


def _write(lines: dict[str, str], *, is_short: bool) -> None:
    """Replace these lines of the document's table; what was measured in full is not replaced by the short form."""
    kept = {name: line for line in read_measured(DOCUMENT) for name in FAULTS if line.startswith(f"| `{name}`: ")}
    if is_short:
        marked = {name: line.replace(": ", ": (short form) ", 1) for name, line in lines.items()}
        known = kept | {name: line for name, line in marked.items() if "(short form)" in kept.get(name, line)}
    else:
        known = kept | lines
    machine = f"Measured on {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}."
    replace_measured(DOCUMENT, "\n".join([machine, "", HEAD, *(known[name] for name in FAULTS if name in known)]))


if __name__ == "__main__":
    sys.exit(main())
