"""Workers and notifiers that are killed while channels hang, refuse and are gone."""

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import LiteralString
from uuid import UUID

from tests.chaos.forms import Form, Row, tell
from tests.chaos.receivers import Heard, Receiver, accept, hang_at_first, refuse_at_first
from tests.chaos.waiting import wait_until
from tests.chaos.workload import ask_now, unfinished, watch
from tests.chaos.world import World

MONITORS = 10
CHANGES_OF_AN_ALERT = 3
"""Opened, acknowledged, resolved."""
MOST_SLOWER = 0.2
"""Seconds that a run may take longer; one that waited for a channel would take two."""
LONGEST_LIFE_SECONDS = 1.5
KILLED = ("worker.1", "worker.2", "notifier.1", "notifier.2")
DICE = random.Random(5)

OPEN_ALERTS: LiteralString = "SELECT id FROM drf_alerts WHERE phase IN ('open', 'recovering')"
TO_BE_HEARD: LiteralString = """
    SELECT event.alert_id::text, event.number FROM drf_alert_events event
    JOIN drf_alerts alert ON alert.id = event.alert_id
    WHERE event.notifies AND alert.created_at > %s"""
WAITING: LiteralString = """
    SELECT (SELECT count(*) FROM drf_alert_events WHERE notifies AND routed_at IS NULL)
         + (SELECT count(*) FROM drf_notifications WHERE status = 'pending')"""
GIVEN_UP: LiteralString = "SELECT count(*) FROM drf_notifications WHERE status = 'given_up'"
MEDIAN: LiteralString = """
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at))
    FROM (SELECT * FROM drf_runs WHERE status = 'succeeded' ORDER BY finished_at DESC LIMIT %s) latest"""


def kill_senders(world: World, form: Form) -> Row:
    """kill -9 of workers and notifiers while alerts open, are acknowledged and resolved."""
    world.start("web", "worker.1", "worker.2", "reconciler", "notifier.1", "notifier.2")
    monitors = watch(world, MONITORS)
    before = _median_run(world, monitors)
    _close_alerts(world)
    receivers = _receivers(form)
    with _listening(receivers):
        began = _make_channels(world, receivers)
        kills = _change(world, form, monitors)
        during = _median_run(world, monitors)
        waited, back = world.count(WAITING), time.monotonic()
        with receivers["gone"].listening():
            wait_until(lambda: not world.count(WAITING), "the notifications", pause=0.5)
        drained = time.monotonic() - back
    expected = world.rows(TO_BE_HEARD, began)
    findings = {name: _compare(expected, each.heard) for name, each in receivers.items()}
    given_up, ended = world.count(GIVEN_UP), world.ended()
    return Row(
        fault=f"{len(expected):,} changes of alerts; workers and notifiers killed {kills} times; four channels: one "
        f"answers, one hangs, one answers 500 at first, one is gone for {form.gone_seconds} s",
        expected="no notification lost; doubles share their id; each alert's order kept; a run takes "
        f"≤ {MOST_SLOWER} s longer",
        measured=f"{'; '.join(f'{name}: {each.words}' for name, each in findings.items())}; {given_up} given up; "
        f"{waited:,} notifications waited when it came back, and all were sent in {drained:.0f} s; "
        f"a run took {1000 * during:.0f} ms (before: {1000 * before:.0f} ms){tell(ended)}",
        is_kept=all(each.is_right for each in findings.values())
        and len(expected) >= form.state_changes
        and not given_up
        and not ended,
        is_quick=during <= before + MOST_SLOWER,
    )


class _Finding:
    """What a receiver heard, held against what it had to hear."""

    def __init__(self, expected: Sequence[tuple[str, int]], heard: Sequence[Heard]) -> None:
        ids: dict[tuple[str, int], set[str]] = defaultdict(set)
        for each in heard:
            ids[each.alert_id, each.number].add(each.message_id)
        self.lost = sum(tuple(pair) not in ids for pair in expected)
        self.doubles = len(heard) - len(ids)
        self.strange_doubles = sum(len(messages) > 1 for messages in ids.values())
        self.disorders = _disorders(heard)

    @property
    def is_right(self) -> bool:
        """True if nothing was lost, doubled under another id, or out of order."""
        return not (self.lost or self.strange_doubles or self.disorders)

    @property
    def words(self) -> str:
        return (
            f"{self.lost} lost, {self.doubles} doubles ({self.strange_doubles} with another id), "
            f"{self.disorders} out of order"
        )


def _compare(expected: Sequence[tuple[str, int]], heard: Sequence[Heard]) -> _Finding:
    return _Finding(expected, heard)


def _disorders(heard: Sequence[Heard]) -> int:
    """Events that came first after a later event of their alert."""
    highest: dict[str, int] = defaultdict(int)
    seen: set[tuple[str, int]] = set()
    count = 0
    for _, alert_id, number in heard:
        is_new = (alert_id, number) not in seen
        count += is_new and number < highest[alert_id]
        seen.add((alert_id, number))
        highest[alert_id] = max(highest[alert_id], number)
    return count


def _receivers(form: Form) -> dict[str, Receiver]:
    return {
        "answers": Receiver(accept),
        "hangs": Receiver(hang_at_first(form.hanging_requests)),
        "refuses": Receiver(refuse_at_first),
        "gone": Receiver(accept),
    }


@contextmanager
def _listening(receivers: Mapping[str, Receiver]) -> Iterator[None]:
    """All receivers take requests, but the one that is gone."""
    with ExitStack() as stack:
        for name, receiver in receivers.items():
            if name != "gone":
                stack.enter_context(receiver.listening())
        yield


def _make_channels(world: World, receivers: Mapping[str, Receiver]) -> object:
    """A channel to each receiver, and a route to all; returns the time."""
    with world.acting_as_admin():
        channels = [
            world.post("channels", {"name": name, "kind": "webhook", "address": receiver.url})["id"]
            for name, receiver in receivers.items()
        ]
        route = {
            "name": "All",
            "channels": channels,
            "group_wait": "PT0S",
            "group_interval": "PT0S",
        }
        world.post("routes", route)
    return world.rows("SELECT now()")[0][0]


def _change(world: World, form: Form, monitors: Sequence[UUID]) -> int:
    """Open, acknowledge and resolve alerts, and kill meanwhile, until there is enough of all; returns the kills.

    Changes and kills come as fast as they can. Then the channel stays away for the rest of its time, with some more
    changes a minute.
    """
    until = time.monotonic() + form.gone_seconds
    changes = kills = 0
    while (is_busy := changes < form.state_changes or kills < form.sender_kills) or (
        time.monotonic() < until
    ):
        if not is_busy:
            time.sleep(form.pause_seconds)
        for monitor in monitors:
            ask_now(world, monitor)
            if kills < form.sender_kills:
                _kill_one(world)
                kills += 1
        wait_until(lambda: not unfinished(world), "the end of the runs", pause=0.2)
        changes += CHANGES_OF_AN_ALERT * _close_alerts(world)
    return kills


def _kill_one(world: World) -> None:
    name = DICE.choice(KILLED)
    time.sleep(DICE.uniform(0, LONGEST_LIFE_SECONDS))
    world.kill(name)
    world.start(name)


def _close_alerts(world: World) -> int:
    """Acknowledge and resolve the open alerts; returns how many."""
    alerts = [row[0] for row in world.rows(OPEN_ALERTS)]
    for alert in alerts:
        world.post(f"alerts/acknowledge/{alert}", {"note": "Seen."})
        world.post(f"alerts/{alert}/resolve", {"reason": "noise"})
    return len(alerts)


def _median_run(world: World, monitors: Sequence[UUID]) -> float:
    """How long a run of each monitor takes a worker, in seconds."""
    for monitor in monitors:
        ask_now(world, monitor)
    wait_until(lambda: not unfinished(world), "the end of the runs", pause=0.2)
    return float(world.rows(MEDIAN, len(monitors))[0][0])
