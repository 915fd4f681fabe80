"""Counts requests in Valkey, atomically for all processes; while Valkey is away, each process counts by itself."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from drift_detector.observability.metrics import THROTTLES_ALONE
from drift_detector.throttling.policies import (
    Charge,
    Standing,
    full_at,
    standing_of,
)

log = structlog.get_logger(__name__)

# `policies.full_at` for several counters: either all are moved, or none. The clock is Valkey's own, one for all hosts.
SCRIPT = """
local now = tonumber(ARGV[1])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end
local counters, has_room = {}, true
for place, name in ipairs(KEYS) do
    local quota, interval = tonumber(ARGV[2 * place + 1]), tonumber(ARGV[2 * place + 2])
    local counter = math.max(tonumber(redis.call('GET', name) or '0'), now)
    counters[place] = counter
    if counter + interval - now > quota * interval then has_room = false end
end
local answer = {string.format('%.0f', now), has_room and 1 or 0}
for place, name in ipairs(KEYS) do
    if has_room and ARGV[2] == 'take' then
        local counter = counters[place] + tonumber(ARGV[2 * place + 2])
        redis.call('SET', name, string.format('%.0f', counter), 'PX', math.ceil((counter - now) / 1000) + 1)
        counters[place] = counter
    end
    answer[place + 2] = string.format('%.0f', counters[place])
end
return answer
"""
PATIENCE = 0.25
"""Seconds that a request waits for Valkey; an answer takes a fifth of a millisecond."""
PAUSE = 2.0
"""Seconds after a failure in which Valkey is not asked again."""
MOST_COUNTERS = 10_000


class OwnCounters:
    """The counters of this process alone; the least recently used go when there are too many."""

    def __init__(self) -> None:
        self._counters: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def count(self, charges: Sequence[Charge], *, is_taken: bool) -> tuple[bool, list[Standing]]:
        """As `count`, by this process's clock."""
        now = time.time_ns() // 1000
        with self._lock:
            before = [self._counters.get(each.name, 0) for each in charges]
            after = [
                full_at(each.policy, counter, now)
                for each, counter in zip(charges, before, strict=True)
            ]
            has_room = all(fits for _, fits in after)
            if has_room and is_taken:
                before = [counter for counter, _ in after]
                self._keep(charges, before)
        return has_room, _standings(charges, before, now)

    def forget(self, charges: Sequence[Charge]) -> None:
        """Begin anew."""
        with self._lock:
            for charge in charges:
                self._counters.pop(charge.name, None)

    def _keep(self, charges: Sequence[Charge], counters: Sequence[int]) -> None:
        for charge, counter in zip(charges, counters, strict=True):
            self._counters[charge.name] = counter
            self._counters.move_to_end(charge.name)
        while len(self._counters) > MOST_COUNTERS:
            self._counters.popitem(last=False)


class SharedCounters:
    """The counters in Valkey.

    Losing them begins each window anew. While they cannot be reached, a request must not fail for it, but guesses at
    passwords must not become free either: each process counts by itself, so a limit holds once a process.
    """

    def __init__(self, url: str) -> None:
        # One retry at once, for a connection that a restart of Valkey has closed; the library's own wait for seconds.
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 1),
        )
        self._script = self._client.register_script(SCRIPT)
        self._own = OwnCounters()
        self._asked_again_at = 0.0

    def count(
        self, charges: Sequence[Charge], *, is_taken: bool = True, now: int | None = None
    ) -> tuple[bool, list[Standing]]:
        """Count a request by all charges if all have room for it, else by none.

        Args:
            charges: The limits, and those they are kept for.
            is_taken: False to look only.
            now: The moment in microseconds; by default, Valkey's.

        Returns:
            Whether all had room, and the standing of each.
        """
        if time.monotonic() < self._asked_again_at:
            return self._own.count(charges, is_taken=is_taken)
        try:
            has_room, counters, moment = self._ask(charges, is_taken, now)
        except redis.RedisError as error:
            self._note_absence(error)
            return self._own.count(charges, is_taken=is_taken)
        return has_room, _standings(charges, counters, moment)

    def forget(self, charges: Sequence[Charge]) -> None:
        """Begin the windows of these charges anew."""
        self._own.forget(charges)
        if time.monotonic() < self._asked_again_at:
            return
        try:
            self._client.delete(*(charge.name for charge in charges))
        except redis.RedisError as error:
            self._note_absence(error)

    def _ask(
        self, charges: Sequence[Charge], is_taken: bool, now: int | None
    ) -> tuple[bool, list[int], int]:
        limits = [(each.policy.quota, each.policy.interval) for each in charges]
        arguments = ["" if now is None else now, "take" if is_taken else "look", *sum(limits, ())]
        answer = self._script(keys=[each.name for each in charges], args=arguments)
        moment, has_room, *counters = (int(each) for each in answer)
        return bool(has_room), counters, moment

    def _note_absence(self, error: Exception) -> None:
        self._asked_again_at = time.monotonic() + PAUSE
        THROTTLES_ALONE.inc()
        log.warning("throttles_count_alone", error=str(error), seconds=PAUSE)


def _standings(charges: Sequence[Charge], counters: Sequence[int], now: int) -> list[Standing]:
    return [
        standing_of(each.policy, counter, now)
        for each, counter in zip(charges, counters, strict=True)
    ]


def counters() -> SharedCounters:
    """The counters of the installation."""
    return _counters_at(str(settings.ENV.redis.url))


@lru_cache(maxsize=8)
def _counters_at(url: str) -> SharedCounters:
    return SharedCounters(url)
