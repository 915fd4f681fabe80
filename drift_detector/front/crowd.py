"""All connections together: their number and the bytes they hold are bounded.

A connection waits for its client while a head, a body or the next request is to come, or while an
answer is taken. Beyond a bound, a connection that waits is ended: the longest-waiting one of the
address that has the most. So a stranger who opens more connections ends his own.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol


class Member(Protocol):
    """A connection as the crowd sees it."""

    @property
    def address(self) -> str:
        """The address of its client."""
        ...

    def abort(self) -> None:
        """End it at once."""
        ...


class Crowd:
    """The open connections of a server.

    Attributes:
        held_bytes: The bytes of bodies and answers that are in memory for all of them.
    """

    def __init__(self, *, max_connections: int, max_held_bytes: int) -> None:
        self._max_connections = max_connections
        self._max_held_bytes = max_held_bytes
        self._addresses: Counter[str] = Counter()
        self._holds: dict[Member, int] = {}
        # In the order in which they began to wait.
        self._waiting: dict[Member, None] = {}
        self.held_bytes = 0

    def join(self, member: Member) -> bool:
        """Take a new connection in; False if it is one too many and no other one waits."""
        if len(self._holds) >= self._max_connections and not self._make_room():
            return False
        self._holds[member] = 0
        self._addresses[member.address] += 1
        self._waiting[member] = None
        return True

    def leave(self, member: Member) -> None:
        """Forget a connection that has ended."""
        held = self._holds.pop(member, None)
        if held is None:
            return
        self.held_bytes -= held
        self._waiting.pop(member, None)
        self._addresses[member.address] -= 1
        if not self._addresses[member.address]:
            del self._addresses[member.address]

    def wait(self, member: Member) -> None:
        """Record that a connection waits for its client from now on."""
        if member in self._holds:
            self._waiting.pop(member, None)
            self._waiting[member] = None

    def work(self, member: Member) -> None:
        """Record that a request is whole, so the connection waits for the service."""
        self._waiting.pop(member, None)

    def hold(self, member: Member, size: int) -> bool:
        """Count the bytes that are in memory for a connection, in place of those before.

        Returns:
            False if they are too many, even after all that other clients keep waiting has been dropped.
        """
        if member not in self._holds:
            return False
        self._set(member, size)
        while self.held_bytes > self._max_held_bytes:
            others = [each for each in self._waiting if self._holds[each] and each is not member]
            if not others:
                self._set(member, 0)
                return False
            self._end(self._longest_of_busiest(others))
        return True

    def _set(self, member: Member, size: int) -> None:
        self.held_bytes += size - self._holds[member]
        self._holds[member] = size

    def _make_room(self) -> bool:
        if not self._waiting:
            return False
        self._end(self._longest_of_busiest(self._waiting))
        return True

    def _longest_of_busiest(self, waiting: Iterable[Member]) -> Member:
        # `max` returns the first of equals, and the order is that of waiting.
        return max(waiting, key=lambda member: self._addresses[member.address])

    def _end(self, member: Member) -> None:
        self.leave(member)
        member.abort()
