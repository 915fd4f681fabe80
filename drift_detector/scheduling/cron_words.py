"""Says a schedule in words, and names its next ticks (cronsim)."""

from datetime import UTC, datetime
from itertools import islice

from cronsim import CronSim, CronSimError

from drift_detector.scheduling.cron import ticks_after


def cron_in_words(expression: str) -> str:
    """A cron expression in English, `at 07:00 on Monday`; the expression itself if it is none."""
    try:
        words: str = CronSim(expression, datetime.now(UTC)).explain()
    except CronSimError:
        return expression
    return words[:1].lower() + words[1:]


def next_ticks(expression: str, zone: str, after: datetime, most: int) -> list[datetime]:
    """The next ticks later than a moment, in UTC; none if the schedule is not understood or has ended."""
    try:
        return list(islice(ticks_after(expression, zone, after), most))
    except (CronSimError, ValueError):
        return []
