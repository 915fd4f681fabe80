"""When each schedule comes due: one entry for all the monitors that share a cron expression and a zone."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import structlog
from cronsim import CronSimError

from drift_detector.scheduling.cron import next_tick

log = structlog.get_logger(__name__)


class Schedule(NamedTuple):
    """A cron expression in a time zone."""

    expression: str
    zone: str


class Row(NamedTuple):
    """What the timetable has to know of a periodic task."""

    id: int
    schedule: Schedule
    accounted_until: datetime


@dataclass(slots=True)
class Timetable:
    """The schedules in the order in which they come due, each with the ids of its periodic tasks."""

    _members: Mapping[Schedule, list[int]] = field(default_factory=dict)
    _queue: list[tuple[datetime, Schedule]] = field(default_factory=list)

    def load(self, rows: Iterable[Row]) -> None:
        """Take over what the database has. A schedule is due first after the tick that its slowest row has had."""
        members: defaultdict[Schedule, list[int]] = defaultdict(list)
        slowest: dict[Schedule, datetime] = {}
        for row in rows:
            members[row.schedule].append(row.id)
            slowest[row.schedule] = min(
                row.accounted_until, slowest.get(row.schedule, row.accounted_until)
            )
        first_ticks = (
            (schedule, _first_tick(schedule, after)) for schedule, after in slowest.items()
        )
        self._queue = [(tick, schedule) for schedule, tick in first_ticks if tick is not None]
        heapq.heapify(self._queue)
        self._members = members

    def pop_due(self, now: datetime) -> list[int]:
        """The ids of the next schedule that is due, which then waits for its next tick; none if nothing is due."""
        if not self._queue or self._queue[0][0] > now:
            return []
        _, schedule = self._queue[0]
        heapq.heapreplace(self._queue, (next_tick(*schedule, now), schedule))
        return self._members[schedule]

    @property
    def next_due(self) -> datetime | None:
        """When something comes due."""
        return self._queue[0][0] if self._queue else None

    def __len__(self) -> int:
        return sum(map(len, self._members.values()))


def _first_tick(schedule: Schedule, after: datetime) -> datetime | None:
    try:
        return next_tick(*schedule, after)
    except (StopIteration, ValueError, CronSimError) as error:  # a row that was not written by us
        log.error(
            "schedule_not_understood",
            expression=schedule.expression,
            zone=schedule.zone,
            error=str(error),
        )
        return None
