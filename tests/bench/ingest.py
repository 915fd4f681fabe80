"""Outcomes taken in under load: a real web server, real requests on the loopback, PostgreSQL beside them."""

import io
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count

import numpy as np
import psutil  # type: ignore[import-untyped]
import pyarrow as pa
import requests

from algorithms.arrays import IntArray
from drift_detector.embedded.state import unused_port
from drift_detector.tenancy.models import Role
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_api_key, create_tenant
from monitors.models import Monitor
from tests.e2e.conftest import WIDE_LIMITS, is_listening, wait_until, web_command
from tests.factories import make_monitor

ARROW = "application/vnd.apache.arrow.stream"
SECONDS = 20.0
WARM_UP = 200
CLIENTS = 2
MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one kind of request was answered with.

    Attributes:
        what: The requests.
        rate: Outcomes accepted a second.
        p50: Median seconds to an answer.
        p99: 99th percentile of them.
        asked: Outcomes a second asked for.
    """

    what: str
    rate: float
    p50: float
    p99: float
    asked: float

    def as_markdown(self) -> str:
        verdict = "met" if self.rate >= self.asked else "missed"
        times = f"{self.p50 * 1e3:.0f} ms | {self.p99 * 1e3:.0f} ms"
        return f"| {self.what} | {self.rate:,.0f}/s | {self.asked:,.0f}/s | {verdict} | {times} |"


HEAD = (
    "| outcomes sent | accepted | asked for | | p50 of a request | p99 |\n|---|---|---|---|---|---|"
)


def measure_ingest(most: int) -> Iterator[str]:
    """Lines of the table, and a sentence on memory after so many outcomes more."""
    tenant = create_tenant(slug="ingest", name="Ingest")
    with tenant_scope(tenant.id):
        _, key = create_api_key(name="bench", scopes=SCOPES[Role.OPERATOR])
        monitors = [make_monitor(timestamp_column="") for _ in range(CLIENTS)]
    yield HEAD
    with ExitStack() as stack:
        # A process of web for each client, as an installation with several cores has.
        webs = [stack.enter_context(_web()) for _ in monitors]
        session = _Sessions([url for url, _ in webs], key, monitors)
        for what, body, kind, rows, asked in (
            ("JSON, 1,000 a request", _json(1000), "application/json", 1000, 10_000),
            ("Arrow, 1,000 a request", _arrow(1000), ARROW, 1000, 50_000),
            ("Arrow, 10,000 a request", _arrow(10_000), ARROW, 10_000, 50_000),
        ):
            session.send(body, kind, lambda sent: sent < WARM_UP)
            yield session.load(what, body, kind, rows, asked).as_markdown()
        before = _resident(webs)
        session.send(_arrow(10_000), ARROW, lambda sent: sent < most // 10_000)
        after = _resident(webs)
        yield f"\nMemory of the two web processes: {before:.0f} MiB, and after {most:,} outcomes more {after:.0f} MiB."


class _Sessions:
    """Clients that send at once, each to a monitor of its own."""

    def __init__(self, urls: list[str], key: str, monitors: list[Monitor]) -> None:
        self._urls = [
            f"{url}/api/v1/monitors/{monitor.id}/outcomes"
            for url, monitor in zip(urls, monitors, strict=True)
        ]
        self._key = key

    def load(self, what: str, body: bytes, kind: str, rows: int, asked: float) -> Load:
        until = time.perf_counter() + SECONDS
        began = time.perf_counter()
        times = self.send(body, kind, lambda _: time.perf_counter() < until)
        rate = len(times) * rows / (time.perf_counter() - began)
        p50, p99 = np.percentile(times, [50, 99])
        return Load(what=what, rate=rate, p50=float(p50), p99=float(p99), asked=asked)

    def send(self, body: bytes, kind: str, goes_on: Callable[[int], bool]) -> list[float]:
        """The seconds of each request."""
        numbers = count()

        def client(url: str) -> list[float]:
            times = []
            with requests.Session() as session:
                session.headers.update(
                    {"Authorization": f"Bearer {self._key}", "Content-Type": kind}
                )
                while goes_on(next(numbers)):
                    began = time.perf_counter()
                    answer = session.post(url, data=body, timeout=60)
                    times.append(time.perf_counter() - began)
                    if not answer.ok:
                        raise RuntimeError(answer.text)
            return times

        with ThreadPoolExecutor(len(self._urls)) as pool:
            return [each for times in pool.map(client, self._urls) for each in times]


@contextmanager
def _web() -> Iterator[tuple[str, psutil.Process]]:
    port = unused_port()
    environment = {
        **os.environ,
        **WIDE_LIMITS,
        "AUMOS_DRIFT_ALLOWED_HOSTS": '["127.0.0.1"]',
        "AUMOS_DRIFT_LOG__LEVEL": "WARNING",
    }
    process = subprocess.Popen(web_command(port), env=environment)
    try:
        wait_until(lambda: is_listening(port))
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _resident(webs: list[tuple[str, psutil.Process]]) -> float:
    return sum(float(server.memory_info().rss) for _, server in webs) / MIB


def _errors(rows: int) -> IntArray:
    return (np.random.default_rng(0).random(rows) < 0.1).astype(np.int64)


def _json(rows: int) -> bytes:
    return json.dumps([{"prediction": int(error), "label": 0} for error in _errors(rows)]).encode()


def _arrow(rows: int) -> bytes:
    sink = io.BytesIO()
    times = np.datetime64("2026-01-01") + np.arange(rows).astype("timedelta64[s]").astype(
        "timedelta64[us]"
    )
    table = pa.table(
        {"occurred_at": pa.array(times, pa.timestamp("us", "UTC")), "prediction": _errors(rows),
         "label": np.zeros(rows, np.int64)}
    )  # fmt: skip
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
