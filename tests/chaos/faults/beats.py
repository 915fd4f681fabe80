"""Beats that are killed, and a beat that was down for hours."""

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import LiteralString

from tests.chaos.checker import check, check_skipped
from tests.chaos.forms import Form, Row, tell
from tests.chaos.waiting import sleep_until, wait_until
from tests.chaos.workload import MINUTE, every_minute, minute_after, watch
from tests.chaos.world import World

BEATS = ("beat.1", "beat.2", "beat.3")
# Three processes that load hundreds of schedules, on a machine that may be busy.
SETTLE_SECONDS = 5
WARM_UP = timedelta(seconds=10)
MOST_SECONDS_LATE = 15
DICE = random.Random(2)

YEARLY = "0 0 1 1 *"
EDIT = timedelta(seconds=30)

POLICIES = ("skip", "latest", "all")
HOURS_DOWN = 6
MONITORS_PER_POLICY = 5
# Older than any grace within which a late tick still counts as in time.
LAST_TICK_AGE = timedelta(minutes=30)

# Whoever holds a lock that only one can hold, by the port that its connection comes from.
LEADERS: LiteralString = """SELECT DISTINCT client_port FROM pg_stat_activity
    WHERE pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted) AND usename = 'drift_scheduler'"""
LATE: LiteralString = """SELECT coalesce(extract(epoch FROM max(created_at - scheduled_for)), 0)::float FROM drf_runs
    WHERE trigger = 'schedule' AND scheduled_for BETWEEN %s AND %s"""
SET_BACK: LiteralString = (
    "UPDATE django_celery_beat_periodictask SET last_run_at = %s WHERE name LIKE %s"
)
WHOSE: LiteralString = (
    "SELECT monitor_id FROM drf_runs WHERE trigger = 'schedule' AND scheduled_for = %s"
)
WRITTEN: LiteralString = (
    "SELECT count(*) FROM drf_runs WHERE trigger = 'schedule' AND scheduled_for = %s"
)


def kill_beats(world: World, form: Form) -> Row:
    """kill -9 of whichever beat leads, also while it writes the ticks of a minute."""
    world.start("web")
    monitors = watch(world, form.beat_monitors, is_checked=False)
    world.stop("web")
    world.start(*BEATS)
    wait_until(lambda: _leaders(world), "a beat that leads")
    first = minute_after(datetime.now(UTC) + WARM_UP)
    last = first + (form.beat_ticks - 1) * MINUTE
    led = 0
    for moment in _moments(first, form):
        sleep_until(moment)
        leaders = _leaders(world)
        victim = DICE.choice(leaders or BEATS)
        world.kill(victim)
        world.start(victim)
        led += bool(leaders)
    sleep_until(last)
    _await_tick(world, last, len(monitors))
    ended = world.ended()
    report = check(world.database_url(), [], every_minute(monitors, first, form.beat_ticks))
    latest = world.rows(LATE, first, last)[0][0]
    wrong = {kind: count for kind, count in report.kinds.items() if kind.endswith("tick")}
    ticks = form.beat_monitors * form.beat_ticks
    return Row(
        fault=f"3 beats, the leader killed {led} times, {form.beat_monitors} monitors × {form.beat_ticks} ticks",
        expected=f"{ticks:,} ticks, each once, none missing, none later than {MOST_SECONDS_LATE} s",
        measured=f"{ticks - wrong.get('missing tick', 0):,} of them; {wrong or 'none missing, none doubled'}; "
        f"the latest {latest:.1f} s after its time{tell(ended)}",
        is_kept=not wrong and not ended,
        is_quick=latest <= MOST_SECONDS_LATE,
    )


def freeze_leaders(world: World, form: Form) -> Row:
    """Stop the beat that leads just before a full minute, with its session and its lock: another has to get past it."""
    world.start("web")
    monitors = watch(world, MONITORS_PER_POLICY, is_checked=False)
    world.stop("web")
    world.start(*BEATS)
    wait_until(lambda: _leaders(world), "a beat that leads")
    first = minute_after(datetime.now(UTC) + WARM_UP)
    for minute in range(form.leader_freezes):
        tick = first + minute * MINUTE
        sleep_until(tick - timedelta(seconds=1))
        (leader,) = wait_until(lambda: _leaders(world), "a beat that leads")
        world.freeze(leader)
        _await_tick(world, tick, len(monitors))
        world.thaw(leader)
    last = first + (form.leader_freezes - 1) * MINUTE
    ended = world.ended()
    report = check(world.database_url(), [], every_minute(monitors, first, form.leader_freezes))
    latest = world.rows(LATE, first, last)[0][0]
    wrong = {kind: count for kind, count in report.kinds.items() if kind.endswith("tick")}
    return Row(
        fault=f"the leader of 3 beats stopped (SIGSTOP) just before a tick, {form.leader_freezes} times",
        expected=f"another leads and writes the tick, none later than {MOST_SECONDS_LATE} s",
        measured=f"the latest {latest:.1f} s after its time; {wrong or 'none missing, none doubled'}{tell(ended)}",
        is_kept=not wrong and not ended,
        is_quick=latest <= MOST_SECONDS_LATE,
    )


def edit_schedules(world: World, form: Form) -> Row:
    """Change half a minute before a tick which monitors have it: half of them get it, the other half lose it."""
    world.start("web", "beat")
    gain = watch(world, form.edited_monitors // 2, is_checked=False, schedule_cron=YEARLY)
    lose = watch(world, form.edited_monitors // 2, is_checked=False)
    tick = minute_after(datetime.now(UTC) + WARM_UP + EDIT)
    sleep_until(tick - EDIT)
    for monitor in gain:
        world.patch(f"monitors/{monitor}", {"schedule_cron": "* * * * *"})
    for monitor in lose:
        world.patch(f"monitors/{monitor}", {"schedule_cron": YEARLY})
    before = (tick - datetime.now(UTC)).total_seconds()
    sleep_until(tick)
    with suppress(TimeoutError):
        _await_tick(world, tick, len(gain), seconds=MOST_SECONDS_LATE)
    time.sleep(SETTLE_SECONDS)  # for rows that should not come
    had = {monitor for (monitor,) in world.rows(WHOSE, tick)}
    return Row(
        fault=f"{form.edited_monitors} schedules edited {EDIT.seconds} s before a tick",
        expected="each monitor has the tick, or has it not, as its new schedule says",
        measured=f"{len(had & {*gain})} of {len(gain)} had it, {len(had & {*lose})} of {len(lose)} that should not; "
        f"the last edit was {before:.0f} s before it",
        is_kept=had == set(gain),
    )


def keep_beat_down(world: World, form: Form) -> Row:
    """A beat that starts when hours of ticks have passed without one."""
    world.start("web")
    last = datetime.now(UTC).replace(second=0, microsecond=0) - LAST_TICK_AGE
    ticks = {last - timedelta(hours=hour) for hour in range(HOURS_DOWN)}
    cron = f"{last.minute} * * * *"
    monitors = {
        policy: watch(
            world, MONITORS_PER_POLICY, is_checked=False, schedule_cron=cron, catch_up=policy
        )
        for policy in POLICIES
    }
    world.change(SET_BACK, min(ticks) - timedelta(minutes=30), "monitor:%")
    expected = {monitor: ticks for each in monitors.values() for monitor in each}
    world.start("beat")
    with suppress(TimeoutError):
        query: LiteralString = "SELECT count(*) FROM drf_runs"
        wait_until(
            lambda: world.count(query) >= len(expected) * len(ticks),
            "all rows",
            seconds=60,
            pause=0.5,
        )
    time.sleep(SETTLE_SECONDS)  # for rows that should not come
    report = check(world.database_url(), [], expected)
    passed_over = {"skip": ticks, "latest": ticks - {last}, "all": set[datetime]()}
    skipped = check_skipped(
        world.database_url(),
        {monitor: passed_over[policy] for policy in POLICIES for monitor in monitors[policy]},
    )
    wrong = {
        kind: count for kind, count in (report.kinds + skipped.kinds).items() if "tick" in kind
    }
    return Row(
        fault=f"beat down {HOURS_DOWN} hours, {MONITORS_PER_POLICY} monitors of each catch-up policy, hourly",
        expected=f"skip: {HOURS_DOWN} rows skipped; latest: {HOURS_DOWN - 1} skipped and the last run; "
        f"all: {HOURS_DOWN} run",
        measured=f"{report.counts['runs']} rows, {skipped.counts['skipped']} of them skipped; {wrong or 'as expected'}",
        is_kept=not wrong,
    )


def _await_tick(world: World, tick: datetime, rows: int, *, seconds: float = 120) -> None:
    wait_until(lambda: world.count(WRITTEN, tick) >= rows, "the tick", seconds=seconds, pause=0.1)


def _moments(first: datetime, form: Form) -> Iterator[datetime]:
    """Every other kill right around a full minute, the others at any time, spread over the ticks."""
    moments = []
    for kill in range(form.beat_kills):
        minute = first + (kill * form.beat_ticks // form.beat_kills) * MINUTE
        offset = DICE.uniform(-0.5, 1.5) if kill % 2 == 0 else DICE.uniform(5, 50)
        moments.append(minute + timedelta(seconds=offset))
    yield from sorted(moments)


def _leaders(world: World) -> list[str]:
    """The beat with the lock, if one has it at the moment."""
    ports = {port for (port,) in world.rows(LEADERS)}
    return [name for name in BEATS if ports & set(world.ports(name))]
