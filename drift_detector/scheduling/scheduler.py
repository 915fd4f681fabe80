"""The beat scheduler: django-celery-beat's rows, cronsim's ticks, one leader."""

import time
from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import DatabaseError, connection
from django_celery_beat.models import PeriodicTasks
from django_celery_beat.schedulers import DatabaseScheduler

from drift_detector.observability.metrics import BEAT_IS_LEADER
from drift_detector.scheduling.leadership import Leadership
from drift_detector.scheduling.schedules import TICK_TASK, list_rows
from drift_detector.scheduling.timetable import Timetable

log = structlog.get_logger(__name__)

ADVISORY_LOCK = 0x64726662  # "drfb"
# How often the leader asks whether it still leads and whether rows have changed, and how often the others try.
LOOK_SECONDS = 2.0
# Reading all rows takes a second for a hundred thousand, so changes that follow each other are read together.
RELOAD_SECONDS = 10.0
FEW_ROWS = 500


class TickScheduler(DatabaseScheduler):  # type: ignore[misc]
    """Writes the ticks of all monitors into the ledger, in beat, before anything is sent.

    The rows of django-celery-beat are the record: which monitors are on, when they are due, and up to which tick they
    are accounted for (`last_run_at`). Of a row, nothing else is used, so none can make beat run another task. Several
    beats may run: one leads, the others stand by.
    """

    def setup_schedule(self) -> None:
        """Begin with nothing; the rows are read once this beat leads."""
        self._leadership = Leadership(ADVISORY_LOCK)
        self._timetable = Timetable()
        self._seen_change: datetime | None = None
        self._look_at = self._reload_at = 0.0

    # The stock scheduler connects to the broker before a tick is looked at, and waits for it; here nothing is sent.
    producer = None

    @property
    def schedule(self) -> dict[str, Any]:
        """Nothing for the stock scheduler to do."""
        return {}

    def sync(self) -> None:
        """Nothing is kept back: how far a row is accounted for is written with its ticks."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Write the ticks that are due; returns how many seconds there is nothing to do."""
        try:
            return self._tick()
        except DatabaseError as error:
            log.warning("database_unavailable", error=str(error).strip())
            self._leadership.is_held = False
            BEAT_IS_LEADER.set(False)
            connection.close()
            return LOOK_SECONDS

    def _tick(self) -> float:
        if time.monotonic() >= self._look_at:
            self._look()
        if not self._leadership.is_held:
            return LOOK_SECONDS
        now = datetime.now(UTC)
        if due := self._pop_due(now):
            self.app.tasks[TICK_TASK](due)
            return 0.0
        waiting = (
            []
            if self._timetable.next_due is None
            else [(self._timetable.next_due - now).total_seconds()]
        )
        return max(0.0, min([*waiting, self._look_at - time.monotonic()]))

    def _pop_due(self, now: datetime) -> list[int]:
        """Of the schedules that are due, the next ones; small ones together, as a look at what waits follows them."""
        due: list[int] = []
        while len(due) < FEW_ROWS and (more := self._timetable.pop_due(now)):
            due += more
        return due

    def _look(self) -> None:
        """See whether this beat leads, and whether the rows have changed since they were read."""
        led = self._leadership.is_held
        leads = self._leadership.hold()
        self._look_at = time.monotonic() + LOOK_SECONDS
        BEAT_IS_LEADER.set(leads)
        if not leads:
            return
        change = PeriodicTasks.last_change()
        if not led or (change != self._seen_change and time.monotonic() >= self._reload_at):
            began = time.monotonic()
            self._timetable.load(list_rows())
            self._seen_change, self._reload_at = change, time.monotonic() + RELOAD_SECONDS
            log.info(
                "schedule_read",
                monitors=len(self._timetable),
                seconds=round(time.monotonic() - began, 3),
            )
