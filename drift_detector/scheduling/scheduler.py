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
# The leader checks this often that it still leads and that no row has changed; the others try to
# lead.
LOOK_SECONDS = 2.0
# A hundred thousand rows take a second to read, so changes in quick succession are read together.
RELOAD_SECONDS = 10.0
FEW_ROWS = 500


class TickScheduler(DatabaseScheduler):  # type: ignore[misc]
    """Writes the ticks of all monitors into the ledger, in beat, before any message is sent.

    The rows of django-celery-beat record which monitors are on, when they are due, and up to which
    tick they are accounted for (`last_run_at`). Beat uses nothing else of a row, so no row can make
    it run another task. Several beats can run: one leads, the others stand by.
    """

    def setup_schedule(self) -> None:
        """Begin with nothing; the rows are read once this beat leads."""
        self._leadership = Leadership(ADVISORY_LOCK)
        self._timetable = Timetable()
        self._seen_change: datetime | None = None
        self._look_at = self._reload_at = 0.0

    # The stock scheduler waits for the broker before each tick; this one sends no messages.
    producer = None

    @property
    def schedule(self) -> dict[str, Any]:
        """Empty, so that the stock scheduler sends nothing."""
        return {}

    def sync(self) -> None:
        """Do nothing: `last_run_at` of a row is written together with its ticks."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Write the ticks that are due; returns the seconds until there is work again."""
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
        return max(0.0, self._seconds_to_wait(now))

    def _seconds_to_wait(self, now: datetime) -> float:
        until_look = self._look_at - time.monotonic()
        next_due = self._timetable.next_due
        return until_look if next_due is None else min((next_due - now).total_seconds(), until_look)

    def _pop_due(self, now: datetime) -> list[int]:
        """The rows of the next schedules that are due; small schedules are taken together."""
        due: list[int] = []
        while len(due) < FEW_ROWS and (more := self._timetable.pop_due(now)):
            due += more
        return due

    def _look(self) -> None:
        """Check that this beat leads, and read the rows again if they have changed."""
        led = self._leadership.is_held
        leads = self._leadership.hold()
        self._look_at = time.monotonic() + LOOK_SECONDS
        BEAT_IS_LEADER.set(leads)
        if not leads:
            return
        change = PeriodicTasks.last_change()
        has_changed = change != self._seen_change and time.monotonic() >= self._reload_at
        if not led or has_changed:
            self._reload(change)

    def _reload(self, change: datetime | None) -> None:
        began = time.monotonic()
        self._timetable.load(list_rows())
        now = time.monotonic()
        self._seen_change, self._reload_at = change, now + RELOAD_SECONDS
        monitors, seconds = len(self._timetable), round(now - began, 3)
        log.info("schedule_read", monitors=monitors, seconds=seconds)
