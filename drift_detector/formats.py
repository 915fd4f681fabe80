"""Words for p-values, spans of time and instants, the same in pages, documents and notifications."""

from datetime import datetime, timedelta

from algorithms.charts.number_words import NOTHING, number

LEAST_P = 1e-12
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def stored_number(value: object) -> float | None:
    """A number of a stored record, in which infinities are text; None for what is none."""
    return value if isinstance(value, int | float) else None


def p_value(value: float | None) -> str:
    """A p-value; below 1e-12 it says so, as no test is exact there."""
    if value is None:
        return NOTHING
    return f"< {LEAST_P:.0e}" if value < LEAST_P else f"{value:.2g}"


def duration(span: timedelta | float | None) -> str:
    """A span of time in words, in its two largest units: `2 hours 5 minutes`, `350 ms`."""
    if span is None:
        return NOTHING
    seconds = span.total_seconds() if isinstance(span, timedelta) else float(span)
    if seconds < 0:
        return f"−{duration(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return _counted(round(seconds, 1), "second")
    return _two_units(round(seconds))


def _two_units(seconds: int) -> str:
    for place, (size, unit) in enumerate(UNITS):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            lower = UNITS[place + 1] if place + 1 < len(UNITS) else None
            more = rest // lower[0] if lower else 0
            return " ".join(
                [_counted(whole, unit), *([_counted(more, lower[1])] if lower and more else [])]
            )
    return _counted(0, "second")


def _counted(count: float, unit: str) -> str:
    return f"{count:g} {unit}" if count == 1 else f"{count:g} {unit}s"


def instant(at: datetime | None) -> str:
    """A time with its zone, to the minute; the zone is that of `at`."""
    return NOTHING if at is None else f"{at:%Y-%m-%d %H:%M} {at.tzname()}"


def counted(count: int, word: str, plural: str = "") -> str:
    """`1 alert`, `3 alerts`, `12,000 rows`."""
    return f"{number(count)} {word if count == 1 else plural or word + 's'}"


def window_text(start: datetime, end: datetime) -> str:
    """A window as text, in the zone of `start`."""
    is_days = (start.hour, start.minute, start.second, end.hour, end.minute, end.second) == (0,) * 6
    if is_days:
        return f"{start:%Y-%m-%d} to {end:%Y-%m-%d}"
    if start.date() == end.date():
        return f"{start:%Y-%m-%d %H:%M} to {end:%H:%M} {start.tzname()}"
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} {end.tzname()}"
