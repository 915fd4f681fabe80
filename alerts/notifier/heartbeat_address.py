"""Requests the heartbeat address while all processes live, so that their death is noticed from outside."""

from threading import Thread

import structlog
from django.conf import settings

from drift_detector.observability.lives import living_processes
from drift_detector.outbound.pinned_client import NotSent, request
from drift_detector.outbound.targets import AddressRefused

log = structlog.get_logger(__name__)

PING_EVERY_SECONDS = 60.0
PING_SECONDS = 10.0


def ping_in_thread() -> None:
    """Ping beside the round, which waits for nothing outside."""
    if settings.ENV.heartbeat.url is not None:
        Thread(target=ping_if_all_live, name="heartbeat-address", daemon=True).start()


def ping_if_all_live() -> bool:
    """Request the address if each process of the settings lives; True if it answered."""
    missing = set(settings.ENV.heartbeat.processes) - living_processes()
    if missing:
        log.warning("heartbeat_withheld", missing=sorted(missing))
        return False
    url = str(settings.ENV.heartbeat.url)
    try:
        answer = request("GET", url, seconds=PING_SECONDS, is_operators=True)
    except (AddressRefused, NotSent) as error:  # neither says the address
        log.warning("heartbeat_not_sent", reason=str(error))
        return False
    return answer.is_ok
