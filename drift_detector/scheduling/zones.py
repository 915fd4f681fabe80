"""Knows the time zones of places."""

from functools import cache
from zoneinfo import available_timezones

ZONES_OF_NO_PLACE = frozenset({"localtime", "Factory"})
"""Names in the zone database that mean another zone on each machine, or none."""


@cache
def zone_names() -> frozenset[str]:
    """The IANA time zones of places, and UTC; looked up once, as each has a file of its own."""
    return frozenset(available_timezones() - ZONES_OF_NO_PLACE)


def check_zone(zone: str) -> str:
    """The name of a zone.

    Raises:
        ValueError: If it is unknown.
    """
    if zone not in zone_names():
        raise ValueError(f"{zone!r} is not an IANA time zone, such as Europe/Berlin.")
    return zone
