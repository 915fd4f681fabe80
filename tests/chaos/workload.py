"""Monitors whose windows are small and drifted, so that a run is cheap and tells of it; and their ticks."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.chaos.waiting import wait_until
from tests.chaos.world import World

ROWS = 400
MINUTE = timedelta(minutes=1)
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)  # ticks asked for afterwards start here
METHODS = ["ks", "psi"]

type Ticks = dict[UUID, set[datetime]]


def watch(
    world: World, count: int, *, is_checked: bool = True, rows: int = ROWS, **fields: Any
) -> list[UUID]:
    """Make monitors on a one-minute cron; those that will be checked get their baselines built by the workers."""
    paths = {name: str(world.data / f"{name}-{rows}.parquet") for name in ("reference", "current")}
    for name, path in paths.items():
        _write(path, rows, shift=3.0 * (name == "current"))
    body = {
        "reference_data_uri": paths["reference"],
        "current_data_uri": paths["current"],
        "schedule_cron": "* * * * *",
        "methods": METHODS,
    }
    with world.some_worker():  # which reads the data of a new monitor
        monitors = [_create(world, body | fields) for _ in range(count)]
    if is_checked:
        wait_until(
            lambda: not world.count("SELECT count(*) FROM drf_baselines WHERE status <> 'ready'"),
            "the baselines",
        )
    return monitors


class Backfill:
    """Ticks of monitors, asked for in portions that are dealt out to all of them: the first minute, the second, …"""

    def __init__(self, world: World, monitors: Sequence[UUID]) -> None:
        self._world = world
        self._monitors = monitors
        self._asked = 0

    @property
    def ticks(self) -> Ticks:
        """What has been asked for."""
        return {
            monitor: {EPOCH + minute * MINUTE for minute in range(self._share(place, self._asked))}
            for place, monitor in enumerate(self._monitors)
        }

    def ask(self, runs: int) -> None:
        """Ask for this many runs more."""
        until = self._asked + runs
        for place, monitor in enumerate(self._monitors):
            first, end = self._share(place, self._asked), self._share(place, until)
            if first < end:
                ask_between(self._world, monitor, EPOCH + first * MINUTE, EPOCH + end * MINUTE)
        self._asked = until

    def _share(self, place: int, runs: int) -> int:
        """How many of so many runs are the monitor's at this place."""
        return (runs - place + len(self._monitors) - 1) // len(self._monitors)


def ask_between(world: World, monitor: UUID, start: datetime, end: datetime) -> None:
    """Ask for a run at each of a monitor's ticks in [start, end)."""
    span = {"from": start.isoformat(), "to": end.isoformat(), "alert": True}
    world.post(f"monitors/{monitor}/backfill", span)


def ask_now(world: World, monitor: UUID) -> UUID:
    """Ask for a run that somebody waits for."""
    return UUID(world.post(f"monitors/{monitor}/run", {})["id"])


def every_minute(monitors: Iterable[UUID], first: datetime, count: int) -> Ticks:
    """The ticks of a one-minute cron."""
    return {monitor: {first + minute * MINUTE for minute in range(count)} for monitor in monitors}


def minute_after(moment: datetime) -> datetime:
    """The next full minute."""
    return moment.replace(second=0, microsecond=0) + MINUTE


def unfinished(world: World) -> int:
    """Runs that still have to end."""
    return world.count("SELECT count(*) FROM drf_runs WHERE status IN ('queued', 'running')")


def queued(world: World) -> int:
    """Runs that wait for a worker."""
    return world.count("SELECT count(*) FROM drf_runs WHERE status = 'queued'")


def unpublished(world: World) -> int:
    """Events that the broker has not confirmed."""
    return world.count("SELECT count(*) FROM drf_outbox WHERE published_at IS NULL")


def await_end(world: World) -> None:
    """Wait until every run has ended and every event is out."""
    wait_until(lambda: not unfinished(world), "the end of the runs", pause=0.2)
    wait_until(lambda: not unpublished(world), "the publishing of the events", pause=0.2)


def _create(world: World, body: Mapping[str, Any]) -> UUID:
    # Asked for again when an answer got lost, it says that the name is taken; nothing fails yet when this is called.
    made = world.post("monitors", {"name": f"Monitor {uuid4()}", "model_id": str(uuid4()), **body})
    return UUID(made["id"] if "schedule_cron" in made else _await_monitor(world, made["id"]))


def _await_monitor(world: World, job: str) -> str:
    """The monitor that a job makes; a busy worker takes longer than a request waits."""
    monitor: str = wait_until(lambda: world.get(f"jobs/{job}")["monitor_id"], "the monitor")
    return monitor


def _write(path: str, rows: int, *, shift: float) -> None:
    random = np.random.default_rng(rows)
    pq.write_table(
        pa.table({name: random.normal(shift, 1.0, rows) for name in ("delay", "distance")}), path
    )
