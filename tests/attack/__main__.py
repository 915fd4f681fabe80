"""`make attack`: what a stranger or a tenant can do to the others; prints the table and writes it into docs.

`--short` takes a few minutes, with smaller numbers, and writes nothing. `--only NAME …` makes some of the attacks.
"""

import argparse
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from drift_detector.embedded import interrupts
from drift_detector.embedded.throwaway import remove_abandoned
from tests.attack.attacks import ATTACKS
from tests.attack.forms import FULL, SHORT, Form
from tests.attack.load import put_load
from tests.attack.stand import Stand, Verdict, asking, measure_alone
from tests.chaos.workload import watch
from tests.chaos.world import TENANTS, running_world
from tests.document import replace_measured

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
HEAD = "| attack | what came of it | the other tenant | verdict |\n|---|---|---|---|"
LOAD = "load"
PROCESSES = ("web", "worker.1", "worker.2", "beat", "reconciler", "relay")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few minutes, with small numbers")
    parser.add_argument("--only", choices=[*ATTACKS, LOAD], nargs="+", help="some of the attacks")
    options = parser.parse_args()
    names, form = options.only or [*ATTACKS, LOAD], SHORT if options.short else FULL
    interrupts.catch()
    remove_abandoned()
    try:
        lines = list(_measure(names, form))
    except interrupts.Interrupted as interrupted:
        return interrupted.exit_code
    if not options.short and not options.only:
        machine = f"Measured on {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}."
        replace_measured(DOCUMENT, "\n".join([machine, "", HEAD, *lines]))
    return 0 if all(line.endswith("| met |") for line in lines) else 1


def _measure(names: Sequence[str], form: Form) -> Iterator[str]:
    """The lines of the table, printed as they come."""
    print(HEAD, flush=True)
    with _stand() as stand:
        for name in names:
            line = _put_load(stand, form) if name == LOAD else _attack(stand, form, name)
            print(line, flush=True)
            yield line


@contextmanager
def _stand() -> Iterator[Stand]:
    """The service with a monitor of each tenant, and the other tenant measured alone."""
    with running_world({}) as world:
        world.start(*PROCESSES)
        monitors = watch(world, 3, schedule_cron="0 0 1 1 *")
        with world.acting_as(TENANTS[1]):
            (monitor,) = watch(world, 1, schedule_cron="0 0 1 1 *")
        yield Stand(world, measure_alone(world), str(monitor), str(monitors[0]))


def _attack(stand: Stand, form: Form, name: str) -> str:
    attack = ATTACKS[name]
    with asking(stand.world) as beside:
        outcome = attack.run(stand, form)
    verdict = Verdict(alone=stand.alone, beside=beside)
    ended = stand.world.ended()
    is_met = verdict.is_met and outcome.is_refused and not ended
    died = f"; ended by themselves: {', '.join(ended)}" if ended else ""
    return _line(f"`{name}`: {attack.text}", outcome.text, f"{verdict}{died}", is_met=is_met)


def _put_load(stand: Stand, form: Form) -> str:
    load = put_load(stand, form)
    what = f"`{LOAD}`: {form.load_clients} clients read for {form.load_seconds} s"
    return _line(what, str(load), "", is_met=load.is_met)


def _line(*cells: str, is_met: bool) -> str:
    return f"| {' | '.join(cells)} | {'met' if is_met else '**missed**'} |"


if __name__ == "__main__":
    sys.exit(main())
