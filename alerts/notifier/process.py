"""The notifier: routes events, and sends what is due, several channels at once."""

import os
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from time import monotonic
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Min
from django.utils import timezone

from alerts.models import Notification
from alerts.notifier.due import DueChannel, claim_next, due_channels, retry_now
from alerts.notifier.heartbeat_address import PING_EVERY_SECONDS, ping_in_thread
from alerts.notifier.router import route_waiting_events
from alerts.notifier.sender import Sending, send
from drift_detector.observability.metrics import set_notifications

log = structlog.get_logger(__name__)

MOST_IN_A_TURN = 50
LONGEST_REST_SECONDS = 30.0
MEASURE_EVERY_SECONDS = 10.0
FAILURES_OF_OUTAGE = 3
"""Turns without a single sent notification, after which a channel is away; one bad notification makes no such row."""
PURGE_EVERY_SECONDS = 60.0
PURGE_BATCH = 1000


@dataclass(slots=True)
class ChannelTurns:
    """The turns of the channels within one process.

    A channel has one turn at a time, those that had none for the longest time come first, and one that
    failed rests, so that channels that hang leave the threads to the others.
    """

    rest_seconds: float = 1.0
    running: dict[UUID, DueChannel] = field(default_factory=dict)
    _last: dict[UUID, float] = field(default_factory=dict)
    _failures: Counter[UUID] = field(default_factory=Counter)
    _rests_until: dict[UUID, float] = field(default_factory=dict)

    def choose(self, due: list[DueChannel], *, most: int, most_per_tenant: int) -> list[DueChannel]:
        """The channels whose turns begin now."""
        now = monotonic()
        ready = [
            each
            for each in due
            if each.channel_id not in self.running
            and self._rests_until.get(each.channel_id, 0.0) <= now
        ]
        ready.sort(key=lambda each: (self._last.get(each.channel_id, 0.0), each.since))
        busy = Counter(each.tenant_id for each in self.running.values())
        chosen: list[DueChannel] = []
        for each in ready:
            has_room = len(self.running) + len(chosen) < most
            if has_room and busy[each.tenant_id] < most_per_tenant:
                busy[each.tenant_id] += 1
                chosen.append(each)
        return chosen

    def begin(self, channel: DueChannel) -> None:
        """Record that a turn begins."""
        self.running[channel.channel_id] = channel
        self._last[channel.channel_id] = monotonic()

    def end(self, channel: DueChannel, *, is_ok: bool, has_sent: bool = False) -> bool:
        """Record that a turn has ended; after one that sent something, a failure is the first again.

        Returns:
            True if the channel is back: it took something after an outage.
        """
        key = channel.channel_id
        self.running.pop(key, None)
        is_back = has_sent and self._failures[key] >= FAILURES_OF_OUTAGE
        if is_ok and not has_sent:  # nothing was tried, so nothing is known of the channel
            return False
        if is_ok:
            self._failures.pop(key, None)
            self._rests_until.pop(key, None)
            return is_back
        self._failures[key] = 1 if has_sent else self._failures[key] + 1
        doubled = self.rest_seconds * 2 ** min(self._failures[key] - 1, 10)
        self._rests_until[key] = monotonic() + min(doubled, LONGEST_REST_SECONDS)
        return is_back


@dataclass(slots=True)
class _Turn:
    """The result of a channel's turn: false after a failure, and the number that it sent before."""

    is_ok: bool = True
    sent: int = 0


class Notifier:
    """Routes and sends; `step` is one round.

    A round never waits for a channel: threads send, and a channel that hangs keeps its own thread for
    the time that one try may take. Several notifiers share the work by leases.
    """

    def __init__(self, turns: ChannelTurns | None = None) -> None:
        self.turns = turns or ChannelTurns()
        self._threads = ThreadPoolExecutor(
            settings.ENV.notifier.max_sending, thread_name_prefix="sender"
        )
        self._worker = f"notifier@{socket.gethostname()}:{os.getpid()}"
        self._stopping = Event()
        self._futures: dict[UUID, Future[_Turn]] = {}
        self._jobs = [
            _Regular(MEASURE_EVERY_SECONDS, measure),
            _Regular(PURGE_EVERY_SECONDS, purge_old_notifications),
            _Regular(PING_EVERY_SECONDS, ping_in_thread),
        ]

    def step(self) -> bool:
        """Do one round; True if it found work."""
        for job in self._jobs:
            job.run_if_due()
        routed = route_waiting_events()
        self._collect()
        return bool(self._begin_turns() or routed)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the turns that have begun are over."""
        for future in list(self._futures.values()):
            future.exception(seconds)
        self._collect()

    def close(self) -> None:
        """End the turns after what is being sent now, and wait for that."""
        self._stopping.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _begin_turns(self) -> int:
        limits = settings.ENV.notifier
        chosen = self.turns.choose(
            due_channels(),
            most=limits.max_sending,
            most_per_tenant=limits.max_sending_per_tenant,
        )
        for channel in chosen:
            self.turns.begin(channel)
            self._futures[channel.channel_id] = self._threads.submit(self._take_turn, channel)
        return len(chosen)

    def _take_turn(self, channel: DueChannel) -> _Turn:
        """Send what a channel has to say, up to its first failure."""
        turn = _Turn()
        try:
            self._send_in_turn(channel, turn)
        except DatabaseError as error:
            log.warning("database_unavailable", error=str(error).strip())
            turn.is_ok = False
        finally:
            connection.close()
        return turn

    def _send_in_turn(self, channel: DueChannel, turn: _Turn) -> None:
        for _ in range(MOST_IN_A_TURN):
            if self._stopping.is_set():
                return
            lease = claim_next(channel.tenant_id, channel.channel_id, worker=self._worker)
            if lease is None:
                return
            sending = send(lease)
            if sending == Sending.FAILED:
                turn.is_ok = False
                return
            turn.sent += sending == Sending.TAKEN

    def _collect(self) -> None:
        for key, future in list(self._futures.items()):
            if not future.done():
                continue
            del self._futures[key]
            error = future.exception()
            if error is not None:
                log.error("turn_failed", channel_id=str(key), error=repr(error))
            turn = _Turn(is_ok=False) if error is not None else future.result()
            channel = self.turns.running[key]
            if self.turns.end(channel, is_ok=turn.is_ok, has_sent=turn.sent > 0):
                waited = retry_now(channel.tenant_id, channel.channel_id)
                log.info("channel_is_back", channel_id=str(key), waiting=waited)


class _Regular:
    """Something that a round does when its time has come."""

    def __init__(self, seconds: float, action: Callable[[], object]) -> None:
        self._seconds, self._action = seconds, action
        self._next = monotonic()

    def run_if_due(self) -> None:
        if monotonic() >= self._next:
            self._next = monotonic() + self._seconds
            self._action()


def measure() -> None:
    """Set the gauges of the notifications that wait."""
    due = Notification.objects.filter(
        status=Notification.Status.PENDING, due_at__lte=timezone.now()
    )
    found = due.aggregate(number=Count("id"), oldest=Min("due_at"))
    set_notifications(due=found["number"], oldest=found["oldest"])


def purge_old_notifications() -> int:
    """Remove notifications of all tenants past their retention, a batch at a time."""
    before = timezone.now() - timedelta(days=settings.ENV.notifier.retention_days)
    old = Notification.objects.filter(created_at__lt=before).exclude(
        status=Notification.Status.PENDING
    )
    ids = list(old.order_by("created_at").values_list("id", flat=True)[:PURGE_BATCH])
    return Notification.objects.filter(id__in=ids).delete()[0]
