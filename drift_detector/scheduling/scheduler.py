"""The beat scheduler: django-celery-beat's rows, cronsim's ticks."""

from datetime import UTC, datetime
from typing import Any

import structlog
from celery.schedules import schedstate
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from drift_detector.scheduling.cron import latest_tick, next_tick
from drift_detector.scheduling.schedules import TICK_TASK, expression_of

LONG_AGO = datetime.min.replace(tzinfo=UTC)

log = structlog.get_logger(__name__)


class TickEntry(ModelEntry):  # type: ignore[misc]
    """A monitor's schedule, judged by cron in its own time zone."""

    def is_due(self) -> schedstate:
        """Due when a tick has come since the last one; also how long until the next."""
        if self.task != TICK_TASK:
            return super().is_due()
        now = datetime.now(UTC)
        expression, zone = expression_of(self.model)
        is_due = next_tick(expression, zone, self.last_run_at) <= now
        return schedstate(is_due, (next_tick(expression, zone, now) - now).total_seconds())


class TickScheduler(DatabaseScheduler):  # type: ignore[misc]
    """Writes a monitor's tick into the ledger here, in beat, before anything is sent.

    The unique constraint of the ledger makes a second beat or a replay harmless; the message that follows carries
    the run's id only, and losing it loses nothing.
    """

    Entry = TickEntry
    # The stock one connects to the broker before a tick is looked at, and waits for it; we send by `enqueue`.
    producer = None
    _last_timestamp: datetime | None = None

    def enabled_models_qs(self) -> Any:
        """All enabled rows: the stock scheduler leaves out those whose hour is far off, by the offset of one day."""
        return PeriodicTask.objects.enabled().select_related("crontab", "interval", "solar", "clocked")

    def schedule_changed(self) -> bool:
        """Whether rows have changed since the last look; the stock one misses the first change of an empty table."""
        changed: bool = super().schedule_changed()
        self._last_timestamp = self._last_timestamp or LONG_AGO
        return changed

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        if entry.task != TICK_TASK:
            return super().apply_async(entry, producer=producer, advance=advance, **kwargs)
        expression, zone = expression_of(entry.model)
        scheduled_for = latest_tick(expression, zone, datetime.now(UTC))
        self.app.tasks[TICK_TASK](**entry.kwargs, scheduled_for=scheduled_for.isoformat())
        return None
