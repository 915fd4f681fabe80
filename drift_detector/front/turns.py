"""Turns at the threads: each caller gets the next free one in rotation, and none gets all of them."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A number of turns that callers share fairly.

    Callers with something waiting take turns, however much each of them has waiting. One caller
    has at most half of the turns at once, so a caller with slow requests leaves the others a way.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._most_of_one = max(1, number // 2)
        self._at_work: Counter[str] = Counter()
        # Callers in rotation, each with its requests in order.
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}
        self._last_end = time.monotonic()

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it; leaving the queue early costs the others nothing."""
        await self._enter(caller)
        try:
            yield
        finally:
            self._last_end = time.monotonic()
            self._end(caller)

    def is_stuck(self, seconds: float) -> bool:
        """True if requests wait, and none has ended for that long."""
        return bool(self._queues) and time.monotonic() - self._last_end > seconds

    async def _enter(self, caller: str) -> None:
        if caller not in self._queues and self._is_free_for(caller):
            self._begin(caller)
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            self._give_up(caller, place)
            raise

    def _give_up(self, caller: str, place: asyncio.Future[None]) -> None:
        if place.done() and not place.cancelled():
            self._end(caller)
            return
        queue = self._queues.get(caller)
        if queue and place in queue:
            queue.remove(place)
            if not queue:
                del self._queues[caller]

    def _is_free_for(self, caller: str) -> bool:
        is_free = self._at_work.total() < self._number
        return is_free and self._at_work[caller] < self._most_of_one

    def _begin(self, caller: str) -> None:
        if not self._at_work:
            self._last_end = time.monotonic()
        self._at_work[caller] += 1

    def _end(self, caller: str) -> None:
        self._at_work[caller] -= 1
        if not self._at_work[caller]:
            del self._at_work[caller]
        while self._pass_on():
            pass

    def _pass_on(self) -> bool:
        """Give a free turn to the next caller in rotation that may have one."""
        for caller in self._queues:
            if self._is_free_for(caller):
                self._start_next_of(caller)
                return True
        return False

    def _start_next_of(self, caller: str) -> None:
        queue = self._queues.pop(caller)
        place = queue.popleft()
        if queue:
            self._queues[caller] = queue  # behind the others
        if not place.done():
            self._begin(caller)
            place.set_result(None)
