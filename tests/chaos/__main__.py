"""`make chaos`: what survives which fault, of real processes on real servers; prints the table and writes it into docs.

`--short` takes minutes instead of hours, with smaller numbers and a hastier service; nothing is written then.
`--only NAME` injects one fault.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from drift_detector.embedded import interrupts
from drift_detector.embedded.throwaway import remove_abandoned
from tests.chaos.faults import FAULTS
from tests.chaos.forms import FULL, HASTY, SHORT, Form, Row

DOCUMENT = Path(__file__).parents[2] / "docs" / "guarantees.md"
HEAD = "| fault | expected | measured | verdict |\n|---|---|---|---|"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few minutes; nothing is written")
    parser.add_argument("--only", choices=list(FAULTS), help="one fault; nothing is written")
    options = parser.parse_args()
    interrupts.catch()
    remove_abandoned()
    try:
        rows = _measure(SHORT if options.short else FULL, [options.only] if options.only else list(FAULTS))
    except interrupts.Interrupted as interrupted:
        return interrupted.exit_code
    if not (options.short or options.only):
        DOCUMENT.write_text(_document(rows))
    return 0 if all(row.is_met for row in rows) else 1


def _measure(form: Form, names: list[str]) -> list[Row]:
    began = time.monotonic()
    if form.settings:
        hasty = ", ".join(f"{name.split('__')[1].lower()} {value}" for name, value in HASTY.items())
        print(f"Short form, the service's settings changed: {hasty}.\n")
    print(HEAD, flush=True)
    rows = list(_rows(form, names))
    print(f"\n{time.monotonic() - began:.0f} s in all.")
    return rows


def _rows(form: Form, names: list[str]) -> Iterator[Row]:
    for name in names:
        try:
            row = FAULTS[name](form)
        except Exception as error:
            row = Row(
                fault=name,
                expected="an end",
                measured=" ".join(f"{type(error).__name__}: {error}".split()),
                is_met=False,
            )
        print(row.as_markdown(), flush=True)
        yield row


def _document(rows: list[Row]) -> str:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    table = "\n".join([HEAD, *(row.as_markdown() for row in rows)])
    return (
        "# Guarantees\n\nWritten by `make chaos`; nothing here is typed by hand. Each fault is injected into the real "
        "processes of the service, each in its own database role, on real servers (PostgreSQL, Valkey and a "
        f"Kafka-protocol broker) of its own, with the service's default settings ({machine}). What came of it is then "
        "read from the database and the broker by a checker that shares no code with the service.\n\n"
        f"{table}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
