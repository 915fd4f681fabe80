"""Says a schedule in words, and names its next ticks (cron-descriptor, MIT)."""

from datetime import datetime
from itertools import islice

from cron_descriptor import (
    ExpressionDescriptor,
    FormatException,
    MissingFieldException,
    Options,
    WrongArgumentException,
)
from cronsim import CronSimError

from drift_detector.scheduling.cron import ticks_after

UNSAYABLE = (FormatException, MissingFieldException, WrongArgumentException)


def cron_in_words(expression: str) -> str:
    """A cron expression in English, `at 07:00, only on Monday`; the expression itself where no words are known."""
    options = Options()
    options.locale_code = "en"  # and not that of the process
    options.use_24hour_time_format = True
    try:
        words = str(ExpressionDescriptor(expression, options).get_full_description())
    except UNSAYABLE:
        return expression
    return words[:1].lower() + words[1:]


def next_ticks(expression: str, zone: str, after: datetime, most: int) -> list[datetime]:
    """The next ticks later than a moment, in UTC; none if the schedule is not understood or has ended."""
    try:
        return list(islice(ticks_after(expression, zone, after), most))
    except (CronSimError, ValueError):
        return []
