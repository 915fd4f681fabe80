"""Some of the faults, one after the other, on servers of their own; prints a line of JSON for each.

A process of its own, so that two of them run side by side.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from drift_detector.embedded import interrupts
from tests.chaos.faults import FAULTS
from tests.chaos.forms import FORMS, Form, Row
from tests.chaos.world import World, running_world


def command(form: str, names: Sequence[str]) -> list[str]:
    """What starts a lane."""
    return [sys.executable, "-m", "tests.chaos.lane", form, *names]


def parse(line: str) -> tuple[str, Row, float]:
    """A fault's name, its row, and how many seconds it took."""
    told = json.loads(line)
    return told["name"], Row(**told["row"]), told["seconds"]


def main(form: str, names: Sequence[str]) -> int:
    interrupts.catch()
    try:
        with running_world(FORMS[form].settings) as world:
            for line in _lines(world, FORMS[form], names):
                print(json.dumps(line), flush=True)
    except interrupts.Interrupted as interrupted:
        return interrupted.exit_code
    return 0


def _lines(world: World, form: Form, names: Sequence[str]) -> Iterator[Mapping[str, object]]:
    for name in names:
        began = time.monotonic()
        row = _inject(world, form, name)
        yield {"name": name, "row": asdict(row), "seconds": time.monotonic() - began}


def _inject(world: World, form: Form, name: str) -> Row:
    try:
        world.refresh()
        return FAULTS[name](world, form)
    except Exception as error:
        measured = " ".join(f"{type(error).__name__}: {error}".split())
        return Row(fault=name, expected="an end", measured=measured, is_kept=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
