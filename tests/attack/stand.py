"""A tenant that does its work, and the measurement of it while another is at its worst."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import numpy as np

from tests.chaos.waiting import wait_until
from tests.chaos.world import TENANTS, World

ROOT = Path(__file__).parents[2]
ALONE_SECONDS = 5
AFTERWARDS_SECONDS = 3
"""An attack may still be at work when it has ended."""
MOST_TIMES, MOST_MS = 2.0, 250.0
"""The tenant beside an attack waits no longer than twice its own time, or than so many milliseconds."""
HEALTH = "/healthz"
LATEST_START: LiteralString = """
    SELECT coalesce(extract(epoch FROM max(started_at - created_at)), 0) FROM drf_runs WHERE monitor_id = %s"""
AT_WORK: LiteralString = """
    SELECT (SELECT count(*) FROM drf_runs WHERE status IN ('queued', 'running'))
        + (SELECT count(*) FROM drf_baselines WHERE status = 'building')
        + (SELECT count(*) FROM drf_jobs WHERE status IN ('queued', 'running'))"""
OK, TOO_MANY, SERVER_ERROR, UNAVAILABLE = 200, 429, 500, 503


@dataclass
class Beside:
    """The answers that the other tenant got.

    Attributes:
        milliseconds: The time of each answer.
        failures: Answers with another status than 200, and requests without an answer.
        health_milliseconds: The time of each answer of `/healthz`.
    """

    milliseconds: list[float] = field(default_factory=list)
    failures: int = 0
    health_milliseconds: list[float] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Add an answer, as the asking process prints it."""
        answer = json.loads(line)
        is_health = answer["path"] == HEALTH
        times = self.health_milliseconds if is_health else self.milliseconds
        times.append(1000 * answer["seconds"])
        self.failures += answer["status"] != OK

    @property
    def p99(self) -> float:
        """The time that one answer in a hundred passes."""
        return float(np.percentile(self.milliseconds, 99)) if self.milliseconds else float("inf")

    @property
    def health_p99(self) -> float:
        """The same of `/healthz`."""
        times = self.health_milliseconds
        return float(np.percentile(times, 99)) if times else float("inf")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The other tenant alone and beside an attack."""

    alone: Beside
    beside: Beside

    @property
    def most(self) -> float:
        """The milliseconds that the other tenant may wait."""
        return max(MOST_MS, MOST_TIMES * self.alone.p99)

    @property
    def is_met(self) -> bool:
        """True if the other tenant waited no longer than it may, and got each answer."""
        slowest = max(self.beside.p99, self.beside.health_p99)
        return slowest <= self.most and not self.beside.failures

    def __str__(self) -> str:
        failed = f", {self.beside.failures} failed" if self.beside.failures else ""
        return f"p99 {self.alone.p99:.0f} → {self.beside.p99:.0f} ms, healthz {self.beside.health_p99:.0f} ms{failed}"


@dataclass
class Stand:
    """The service under attack.

    Attributes:
        world: Its servers and processes.
        alone: The other tenant with nobody beside it.
        attackers_monitor: A monitor of the attacking tenant.
        monitor: A monitor of the other tenant.
    """

    world: World
    alone: Beside
    attackers_monitor: str
    monitor: str

    def ask_for_run(self) -> None:
        """Ask for a run of the other tenant."""
        self.world.post(f"monitors/{self.monitor}/run", {})

    def latest_start(self) -> float:
        """The longest that a run of the other tenant has waited for a worker, in seconds."""
        ((seconds,),) = self.world.rows(LATEST_START, self.monitor)
        return float(seconds)

    def wait_until_idle(self) -> None:
        """Wait until no worker does anything for a tenant."""
        wait_until(lambda: not self.world.count(AT_WORK), "the end of the work")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attack.

    Attributes:
        text: In words.
        is_refused: True if the service did not give the attacker what it tried to get.
    """

    text: str
    is_refused: bool = True


def is_answered(statuses: Sequence[int]) -> bool:
    """True if each request was answered, and none by a failure; 503 says that others come first."""
    return all(0 < each < SERVER_ERROR or each == UNAVAILABLE for each in statuses)


def tell(statuses: Sequence[int]) -> str:
    """How many answers there were of each status."""
    found = sorted(set(statuses))
    return ", ".join(f"{statuses.count(each)} × {each or 'no answer'}" for each in found)


@contextmanager
def asking(world: World) -> Iterator[Beside]:
    """Ask as the first tenant while the block runs; the answers are complete when it has ended."""
    command = [sys.executable, "-m", "tests.attack.beside", world.url, world.key(TENANTS[0])]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    found = Beside()
    try:
        found.add(_first_line(process))
        yield found
        time.sleep(AFTERWARDS_SECONDS)
    finally:
        printed, _ = process.communicate()
        for line in printed.splitlines():
            found.add(line)


def _first_line(process: subprocess.Popen[str]) -> str:
    """The first answer: from then on the process asks."""
    assert process.stdout is not None
    line: str = process.stdout.readline()
    return line


def measure_alone(world: World) -> Beside:
    """The other tenant with nobody beside it; the first answers warm the service up."""
    for _ in range(2):
        with asking(world) as alone:
            time.sleep(ALONE_SECONDS)
    return alone
