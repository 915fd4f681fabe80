"""What beat does with thousands of monitors: how late their ticks are, and its cost next to the stock scheduler."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psutil  # type: ignore[import-untyped]
import psycopg
import redis

from drift_detector.scheduling.schedules import TICK_TASK
from tests.bench.population import populate

OURS = "drift_detector.scheduling.scheduler:TickScheduler"
STOCK = "django_celery_beat.schedulers:DatabaseScheduler"
TENANTS = 100
WATCHED_SECONDS = 75
SIZES = (1_000, 10_000, 100_000)
LAGS = """
    SELECT count(*), percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (
        ORDER BY extract(epoch FROM created_at - scheduled_for)) FROM drf_runs
"""


def measure_schedule() -> Iterator[str]:
    """Lines of Markdown; this takes a quarter of an hour, most of it waiting for minutes to come."""
    yield "| monitors | due | ticks written | lag p50 | p99 | last | asked for |"
    yield "|---|---|---|---|---|---|---|"
    yield _burst(10_000)
    yield _hour(100_000)
    yield ""
    yield f"| monitors, a sixtieth due each minute | beat | ticks in {WATCHED_SECONDS} s | memory | CPU time |"
    yield "|---|---|---|---|---|"
    for size in SIZES:
        for name, scheduler in (("ours", OURS), ("django-celery-beat's own", STOCK)):
            yield _cost(size, name, scheduler)


def _burst(size: int) -> str:
    """All are due in one minute."""
    minute = (datetime.now(UTC) + timedelta(minutes=2)).minute
    populate(monitors=size, tenants=TENANTS, minutes=[minute])
    with _beat(OURS):
        _until(minute, seconds=45)
    return _line(f"{size:,}", "in the same minute", "all within 15 s")


def _hour(size: int) -> str:
    """They are spread over the hour, of which some minutes are watched."""
    populate(monitors=size, tenants=TENANTS, minutes=range(60))
    with _beat(OURS):
        _until((datetime.now(UTC) + timedelta(minutes=3)).minute, seconds=20)
    return _line(f"{size:,}", "over the hour; 3 minutes watched", "p99 within 5 s")


def _line(size: str, due: str, asked: str) -> str:
    with psycopg.connect(os.environ["DRIFT_SCHEDULER_URL"]) as connection:
        row = connection.execute(LAGS).fetchone()
    assert row is not None
    count, (median, late, last) = row
    return (
        f"| {size} | {due} | {count:,} | {median:.2f} s | {late:.2f} s | {last:.2f} s | {asked} |"
    )


def _until(minute: int, *, seconds: int) -> None:
    """Wait until so many seconds after a minute of the clock."""
    while (now := datetime.now(UTC)).minute != minute or now.second < seconds:
        time.sleep(0.5)


def _cost(size: int, name: str, scheduler: str) -> str:
    """The first minutes of a beat; in them two or three minutes of the clock begin."""
    task = (
        TICK_TASK if scheduler == OURS else "bench.tick"
    )  # the stock one sends what it finds, without arguments
    populate(monitors=size, tenants=TENANTS, minutes=range(60), task=task)
    with (
        redis.Redis.from_url(os.environ["AUMOS_DRIFT_REDIS__URL"]) as broker,
        _beat(scheduler) as process,
    ):
        broker.flushdb()
        began = datetime.now(UTC)
        time.sleep(WATCHED_SECONDS)
        minutes = (datetime.now(UTC).minute - began.minute) % 60
        spent, memory = process.cpu_times(), process.memory_info().rss / 2**20
        with psycopg.connect(os.environ["DRIFT_SCHEDULER_URL"]) as connection:
            ((written,),) = connection.execute("SELECT count(*) FROM drf_runs").fetchall()
        sent = written or sum(
            broker.llen(queue) for queue in broker.scan_iter("celery*", _type="list")
        )  # by priority
        broker.flushdb()
    due = size * minutes // 60
    return f"| {size:,} | {name} | {sent:,} of about {due:,} | {memory:.0f} MiB | {spent.user + spent.system:.1f} s |"


@contextmanager
def _beat(scheduler: str) -> Iterator[psutil.Process]:
    environment = os.environ | {"AUMOS_DRIFT_DATABASE__URL": os.environ["DRIFT_SCHEDULER_URL"]}
    command = [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "-A",
        "drift_detector",
        "beat",
        "--scheduler",
        scheduler,
    ]
    process = subprocess.Popen([*command, "--pidfile=", "--loglevel", "ERROR"], env=environment)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
