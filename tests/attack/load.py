"""Many ordinary clients at once: the last row of the table."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import psutil  # type: ignore[import-untyped]
import requests

from tests.attack.forms import Form
from tests.attack.stand import OK, Stand
from tests.chaos.world import TENANTS

PATHS = ("/api/v1/monitors", "/api/v1/dashboard", "/api/v1/runs")
MEGABYTE = 1024**2
MOST_GROWTH = 1.2
"""Web's memory at the end is at most this much of what it is after the first fifth."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What the clients got.

    Attributes:
        milliseconds: The time of each answer.
        failures: Answers with another status than 200, and requests without an answer.
        seconds: How long the load lasted.
        memory: Web's bytes after the first fifth, and at the end.
    """

    milliseconds: list[float]
    failures: int
    seconds: float
    memory: tuple[int, int]

    @property
    def is_met(self) -> bool:
        """True if each request was answered and the memory did not grow."""
        early, late = self.memory
        return not self.failures and late <= MOST_GROWTH * early

    def __str__(self) -> str:
        early, late = (each // MEGABYTE for each in self.memory)
        p50, p99 = np.percentile(self.milliseconds, [50, 99])
        rate = len(self.milliseconds) / self.seconds
        return (
            f"{rate:.0f} answers a second, p50 {p50:.0f} ms, p99 {p99:.0f} ms, {self.failures} failed, "
            f"web {early} → {late} MB"
        )


def put_load(stand: Stand, form: Form) -> Load:
    """Let many clients read at once."""
    began = time.monotonic()
    end = began + form.load_seconds

    def ask(number: int) -> tuple[list[float], int]:
        return _ask_until(stand.world.url, stand.world.key(TENANTS[number % len(TENANTS)]), end)

    with ThreadPoolExecutor(form.load_clients) as pool:
        answers = [pool.submit(ask, number) for number in range(form.load_clients)]
        time.sleep(form.load_seconds / 5)
        early = _memory_of_web(stand)
        found = [each.result() for each in answers]
    return Load(
        milliseconds=[each for times, _ in found for each in times],
        failures=sum(failures for _, failures in found),
        seconds=time.monotonic() - began,
        memory=(early, _memory_of_web(stand)),
    )


def _ask_until(url: str, key: str, end: float) -> tuple[list[float], int]:
    times: list[float] = []
    failures = 0
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        while time.monotonic() < end:
            path = PATHS[len(times) % len(PATHS)]
            began = time.perf_counter()
            failures += not _is_answered(session, url + path)
            times.append(1000 * (time.perf_counter() - began))
    return times, failures


def _is_answered(session: requests.Session, url: str) -> bool:
    try:
        return session.get(url, timeout=60).status_code == OK
    except requests.RequestException:
        return False


def _memory_of_web(stand: Stand) -> int:
    """Bytes of the web process and its children."""
    process = psutil.Process(stand.world.pid("web"))
    family = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in family)
