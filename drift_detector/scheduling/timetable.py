"""The times at which schedules come due, one entry for all monitors that share a schedule."""

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
    """The part of a periodic task that the timetable needs."""

    id: int
    schedule: Schedule
    accounted_until: datetime


@dataclass(slots=True)
class Timetable:
    """The schedules in the order in which they come due, each with the ids of its periodic tasks."""

    _members: Mapping[Schedule, list[int]] = field(default_factory=dict)
    _queue: list[tuple[datetime, Schedule]] = field(default_factory=list)

    def load(self, rows: Iterable[Row]) -> None:
        """Replace the timetable by the rows of the database.

        A schedule is due first after the last tick of its slowest row.
        """
        members: defaultdict[Schedule, list[int]] = defaultdict(list)
        slowest: dict[Schedule, datetime] = {}
        for row in rows:
            members[row.schedule].append(row.id)
            earlier = slowest.get(row.schedule, row.accounted_until)
            slowest[row.schedule] = min(row.accounted_until, earlier)
        self._queue = _first_ticks(slowest)
        heapq.heapify(self._queue)
        self._members = members

    def pop_due(self, now: datetime) -> list[int]:
        """The ids of the next schedule that is due; it then waits for its next tick."""
        if not self._queue or self._queue[0][0] > now:
            return []
        _, schedule = self._queue[0]
        heapq.heapreplace(self._queue, (next_tick(*schedule, now), schedule))
        return self._members[schedule]

    @property
    def next_due(self) -> datetime | None:
        """The time of the next tick; None if there is no schedule."""
        return self._queue[0][0] if self._queue else None

    def __len__(self) -> int:
        return sum(map(len, self._members.values()))


def _first_ticks(slowest: Mapping[Schedule, datetime]) -> list[tuple[datetime, Schedule]]:
    ticks = ((_first_tick(schedule, after), schedule) for schedule, after in slowest.items())
    return [(tick, schedule) for tick, schedule in ticks if tick is not None]


def _first_tick(schedule: Schedule, after: datetime) -> datetime | None:
    try:
        return next_tick(*schedule, after)
    # Another program can have written the row.
    except (StopIteration, ValueError, CronSimError) as error:
        log.error(
            "schedule_not_understood",
            expression=schedule.expression,
            zone=schedule.zone,
            error=str(error),
        )
        return None
