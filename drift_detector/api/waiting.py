"""Bounds the requests that wait for a result: each of them keeps a thread of web.

A waiting request has a place in Valkey, so that the bounds hold across all processes. It renews the
place while it waits. The place of a process that was killed ends by itself, so no place can leak.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from threading import BoundedSemaphore, Event
from uuid import UUID, uuid4

import redis
import structlog
from django.conf import settings
from rest_framework.request import Request

log = structlog.get_logger(__name__)

CLIENT_LEFT = "drift.client_left"
"""The key of the environ under which the server puts an event that is set once the client has left."""

ALL_PLACES = "drift:waiting"
PLACE_SECONDS = 5
RENEWAL_SECONDS = 1.0
PATIENCE_SECONDS = 2.0  # for Valkey, as for the broker

# Takes or renews a place: in all sets or in none. The clock is Valkey's, one for all processes.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
for _, places in ipairs(KEYS) do redis.call('ZREMRANGEBYSCORE', places, '-inf', now) end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
    for number, places in ipairs(KEYS) do
        if redis.call('ZCARD', places) >= tonumber(ARGV[2 + number]) then return 0 end
    end
end
for _, places in ipairs(KEYS) do
    redis.call('ZADD', places, now + ARGV[2], ARGV[1])
    redis.call('EXPIRE', places, ARGV[2])
end
return 1
"""

type MayWait = Callable[[], bool]
"""True as long as a request may go on waiting: it has a place, and its client is there."""


@contextmanager
def place_to_wait(request: Request, tenant_id: UUID) -> Iterator[MayWait]:
    """Take a place for the request, and give it back at the end.

    Without a place, which is so beyond the bounds and while Valkey is away, the function that it
    gives is false from the start, and the request is answered at once.
    """
    left: Event = request.META.get(CLIENT_LEFT) or Event()
    has_thread = _threads().acquire(blocking=False)
    place = _Place(tenant_id)
    try:
        yield lambda: has_thread and not left.is_set() and place.is_held()
    finally:
        place.give_back()
        if has_thread:
            _threads().release()


@lru_cache(maxsize=1)
def _threads() -> BoundedSemaphore:
    """Half of this process's threads may wait; the others do not wait for results."""
    return BoundedSemaphore(max(1, settings.ENV.web.threads // 2))


class _Place:
    """A member of two sorted sets in Valkey, all places and those of the tenant, by their ends."""

    def __init__(self, tenant_id: UUID) -> None:
        self._name = uuid4().hex
        self._keys = [ALL_PLACES, f"{ALL_PLACES}:{tenant_id}"]
        self._renewed: float | None = None

    def is_held(self) -> bool:
        """Take the place, or renew it when that is due."""
        now = time.monotonic()
        if self._renewed is not None and now - self._renewed < RENEWAL_SECONDS:
            return True
        is_held = self._take()
        self._renewed = now if is_held else None
        return is_held

    def give_back(self) -> None:
        """Give the place to others; without Valkey it ends by itself."""
        with suppress(redis.RedisError):
            for key in self._keys:
                _valkey().zrem(key, self._name)

    def _take(self) -> bool:
        web = settings.ENV.web
        limits = [web.max_waiting, web.max_waiting_per_tenant]
        try:
            taken = _valkey().eval(
                SCRIPT, len(self._keys), *self._keys, self._name, PLACE_SECONDS, *limits
            )
        except redis.RedisError as error:
            log.warning("no_places_to_wait", error=str(error))
            return False
        return bool(taken)


@lru_cache(maxsize=1)
def _valkey() -> redis.Redis:
    return redis.Redis.from_url(
        str(settings.ENV.redis.url),
        socket_connect_timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS,
    )
