"""How long each page takes on the server, in a tenant of a thousand monitors and a million runs."""

import gzip
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, reverse

from alerts.models import Alert
from detections.backtests.services import build_backtest, request_backtest
from detections.models import DetectionRun, OutcomeStream
from detections.runs.execution import execute
from drift_detector.screens.urls import urlpatterns
from drift_detector.tenancy.models import Role, User
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import add_member, create_tenant
from drift_detector.tenancy.site import site
from monitors.baselines.builds import build_baseline
from monitors.models import Monitor
from tests.bench.copies import copy_monitor
from tests.bench.population import fill_ledger
from tests.factories import make_monitor

MONITORS, RUNS_EACH = 1000, 1000
ROWS, NUMBERS, WORDS, REFERENCE_DAYS, DAYS = 1000, 14, 6, 5, 35
DRIFTED = frozenset({*range(12, 16), *range(32, DAYS)})
"""Days whose windows have drifted: an episode that is over, and one that goes on."""
ROUNDS, FEW_ROUNDS, WARM_UP = 60, 5, 3
DAY = timedelta(days=1)
SECONDS_ASKED, STATEMENTS_ASKED, BYTES_ASKED = 0.2, 15, 60_000
HEAD = (
    "| page | p50 | p95 | asked for | statements (≤ 15) | compressed (≤ 60 kB) |\n"
    "|---|---|---|---|---|---|"
)
OF_ANOTHER_REQUEST = {
    "new_monitor_place",
    "new_monitor_columns",
    "monitor-heat",
    "budget-card",
    "new_backtest",
}
"""Pages that need the answer of a worker, or a query."""
BOUNDARIES = ("SAVEPOINT", "RELEASE", "SELECT set_config")
"""The statements around a tenant's scope; they read no table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """The answers of one page.

    Attributes:
        statements: To the database, of the last request.
        size: Bytes of its compressed content.
    """

    page: str
    seconds: Sequence[float]
    statements: int
    size: int

    def as_markdown(self) -> str:
        middle, late = np.percentile(self.seconds, [50, 95])
        is_met = (
            late <= SECONDS_ASKED
            and self.statements <= STATEMENTS_ASKED
            and self.size <= BYTES_ASKED
        )
        times = f"{middle * 1e3:.0f} ms | {late * 1e3:.0f} ms | 200 ms at p95"
        note = "" if is_met else " **missed**"
        return f"| {self.page} | {times}{note} | {self.statements} | {self.size / 1e3:.0f} kB |"


def measure_pages(
    folder: Path, *, runs_each: int = RUNS_EACH, rounds: int = ROUNDS
) -> Iterator[str]:
    """Lines of Markdown; filling the database takes some minutes."""
    settings.ALLOWED_HOSTS = ["localhost"]
    monitor = _watch(folder)
    _fill(monitor.tenant_id, runs_each)
    client = _sign_in(monitor.tenant_id)
    yield HEAD
    with tenant_scope(monitor.tenant_id):
        addresses = dict(_addresses(monitor))
    for page, address in addresses.items():
        yield _line(client, page, address, rounds)
    yield ""
    yield (
        f"Measured in the process of web, with {MONITORS:,} monitors and {MONITORS * runs_each:,} runs of one "
        f"tenant; each of the monitors has {DAYS - REFERENCE_DAYS} runs with profiles over "
        f"{NUMBERS + WORDS} features, and a quarter of them an open alert."
    )


def _watch(folder: Path) -> Monitor:
    """A monitor whose runs a worker has executed, with alerts, a stream of outcomes and a backtest."""
    tenant = create_tenant(slug="pages", name="Pages")
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - DAYS * DAY
    for day in range(DAYS):
        pq.write_table(_rows(first, day), folder / f"{day:02}.parquet")
    uri, reference_end = str(folder), first + REFERENCE_DAYS * DAY
    with tenant_scope(tenant.id):
        monitor = make_monitor(
            reference_data_uri=uri, current_data_uri=uri, timestamp_column="at", window=DAY,
            reference_start=first, reference_end=reference_end, schedule_cron="0 0 * * *",
            prediction_column="prediction", label_column="label", concept_methods=["adwin", "ddm"],
        )  # fmt: skip
        baseline = monitor.baselines.get()
    build_baseline(tenant_id=tenant.id, baseline_id=baseline.id, worker="bench")
    for day in range(REFERENCE_DAYS, DAYS):
        _judge(monitor, first + day * DAY)
    _replay(monitor, reference_end, first + DAYS * DAY)
    return monitor


def _rows(first: datetime, day: int) -> pa.Table:
    """A day of data; from some days on half of the features move, words are new and labels wrong."""
    random, is_drifted = np.random.default_rng(day), day in DRIFTED
    seconds = np.arange(ROWS) * 86_400 // ROWS
    begin = np.datetime64(first.replace(tzinfo=None), "us") + np.timedelta64(day, "D")
    times = begin + seconds.astype("timedelta64[s]")
    columns: dict[str, Any] = {"at": pa.array(times, pa.timestamp("us", "UTC"))}
    for each in range(NUMBERS):
        columns[f"number {each}"] = random.normal(size=ROWS) + (is_drifted and each % 2 == 0)
    for each in range(WORDS):
        words = [f"word {place}" for place in range(12 + 3 * is_drifted)]
        columns[f"words {each}"] = random.choice(words, ROWS)
    label = random.random(ROWS) < 0.5
    wrong = random.random(ROWS) < (0.3 if is_drifted else 0.1)
    return pa.table(columns | {"label": label, "prediction": label ^ wrong})


def _judge(monitor: Monitor, start: datetime) -> None:
    with tenant_scope(monitor.tenant_id):
        run = DetectionRun.objects.create(
            tenant_id=monitor.tenant_id, monitor=monitor, trigger="schedule", scheduled_for=start + DAY,
            window_start=start, window_end=start + DAY,
        )  # fmt: skip
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="bench")


def _replay(monitor: Monitor, start: datetime, end: datetime) -> None:
    with tenant_scope(monitor.tenant_id):
        backtest = request_backtest(monitor=monitor, start=start, end=end, requested_by="bench")
    build_backtest(tenant_id=monitor.tenant_id, backtest_id=backtest.id, worker="bench")


def _fill(tenant: UUID, runs_each: int) -> None:
    judged = DAYS - REFERENCE_DAYS
    until = datetime.now(UTC) - (DAYS + 1) * DAY
    with psycopg.connect(os.environ["DRIFT_OWNER_URL"], autocommit=True) as owner:
        copy_monitor(owner, tenant, copies=MONITORS - 1)
        fill_ledger(owner, tenant, each=runs_each - judged, days=runs_each, until=until)
        owner.execute("VACUUM ANALYZE")


def _sign_in(tenant: UUID) -> Client:
    user = User.objects.create_user("bench", is_staff=True)
    with tenant_scope(tenant):
        add_member(user=user, role=Role.ADMIN)
    client = Client(headers={"host": "localhost", "accept-encoding": "gzip"})
    client.force_login(user)
    return client


def _addresses(monitor: Monitor) -> Iterator[tuple[str, str]]:
    """Home, each list of the site, and each page that is about the one monitor whose runs were executed."""
    yield "home", reverse("admin:index")
    for model in site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        yield f"list: {model._meta.verbose_name_plural}", reverse(f"admin:{name}_changelist")
    for pattern in urlpatterns:
        if address := _address_of(pattern, _subjects(monitor)):
            yield str(pattern.name).replace("_", " "), address


def _subjects(monitor: Monitor) -> dict[str, UUID]:
    """What pages are about, by the first part of their routes."""
    drifted = DetectionRun.objects.filter(monitor=monitor, trigger="schedule", verdict="drift")
    alerts = Alert.objects.filter(monitor=monitor, kind="statistical")
    return {
        "monitors": monitor.id,
        "runs": drifted.latest("window_end").id,
        "alerts": alerts.latest("created_at").id,
        "streams": OutcomeStream.objects.get(monitor=monitor).id,
        "baselines": monitor.baselines.defer("content").get().id,
        "backtests": monitor.backtests.get().id,
    }


def _address_of(pattern: URLPattern, subjects: dict[str, UUID]) -> str:
    """The address of a page; empty for one that is about something else."""
    if pattern.name in OF_ANOTHER_REQUEST:
        return ""
    room = str(pattern.pattern).partition("/")[0]
    arguments = [subjects[room]] if pattern.pattern.converters and room in subjects else []
    try:
        address = reverse(f"screens:{pattern.name}", args=arguments)
    except NoReverseMatch:
        return ""
    return f"{address}?{urlencode({'name': 'number 0'})}" if pattern.name == "feature" else address


def _line(client: Client, page: str, address: str, rounds: int) -> str:
    answer = client.get(address)
    if answer.status_code != 200:
        return f"| {page} | – | – | answers {answer.status_code} | | |"
    return _visit(client, page, address, rounds).as_markdown()


def _visit(client: Client, page: str, address: str, rounds: int) -> Visit:
    """Ask for a page again and again, a few times before it counts."""
    statements = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal statements
        statements += not str(arguments[0]).startswith(BOUNDARIES)
        return execute(*arguments)

    seconds, size = [], 0
    for _ in range(WARM_UP + rounds):
        statements = 0
        with connection.execute_wrapper(count):
            began = time.perf_counter()
            answer = client.get(address)
            seconds.append(time.perf_counter() - began)
        size = len(answer.content)
        if "Content-Encoding" in answer.headers:  # small parts of pages are sent as they are
            assert gzip.decompress(answer.content)
    return Visit(page=page, seconds=seconds[WARM_UP:], statements=statements, size=size)
