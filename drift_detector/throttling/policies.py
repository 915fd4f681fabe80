"""Defines limits of a rate, and the arithmetic of GCRA that decides by them."""

from dataclasses import dataclass

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """A number of requests in a number of seconds, all at once or spread.

    Attributes:
        name: As the header `RateLimit-Policy` names it.
        quota: Requests that a window has room for.
        window: Seconds.
    """

    name: str
    quota: int
    window: int

    @property
    def interval(self) -> int:
        """Microseconds after which one more request has room; whole, so that all processes agree to the last one."""
        return max(1, self.window * MICROSECONDS // max(1, self.quota))


@dataclass(frozen=True, slots=True)
class Charge:
    """One limit of a request: a policy, and the key, tenant, account or address that it is kept for."""

    policy: Policy
    subject: str

    @property
    def name(self) -> str:
        """The name of its counter."""
        return f"drift.throttle:{self.policy.name}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Standing:
    """The use of a policy.

    Attributes:
        remaining: Requests that have room now.
        reset: Seconds until all of the quota has room again, or, when nothing has, one request.
        retry_after: Seconds until this request has room; 0 if it had.
    """

    policy: Policy
    remaining: int
    reset: int
    retry_after: int


def full_at(policy: Policy, stored: int, now: int) -> tuple[int, bool]:
    """The Generic Cell Rate Algorithm (ITU-T I.371, annex A: virtual scheduling).

    Args:
        policy: The limit.
        stored: The counter: the moment, in microseconds, at which everything that was counted has drained.
        now: This moment.

    Returns:
        The counter with one request more, and whether that request has room.
    """
    counted = max(stored, now) + policy.interval
    return counted, counted - now <= policy.quota * policy.interval


def standing_of(policy: Policy, counter: int, now: int) -> Standing:
    """The standing by a counter."""
    backlog = max(counter, now) - now
    remaining = max(0, policy.quota - _whole(backlog, policy.interval))
    wait = backlog - (policy.quota - 1) * policy.interval
    reset = _whole(backlog if remaining else wait, MICROSECONDS)
    return Standing(policy, remaining, reset, 0 if remaining else max(1, reset))


def _whole(amount: int, unit: int) -> int:
    return -(-amount // unit)
