"""A tenant that asks for as much as it can."""

from datetime import UTC, datetime
from typing import LiteralString

from tests.chaos.checker import check, read_events
from tests.chaos.faults.beats import WARM_UP, YEARLY
from tests.chaos.faults.servers import WORKERS
from tests.chaos.faults.workers import SLOW_ROWS
from tests.chaos.forms import Form, Row
from tests.chaos.workload import (
    MINUTE,
    ask_now,
    await_end,
    every_minute,
    minute_after,
    unfinished,
    watch,
)
from tests.chaos.world import TENANTS, World

MONITORS = 5
# What always waits of the other tenant, and how much more it asks for when it is less.
ENOUGH, MORE = 200, 40
# Of a tenant, manual runs, ticks and builds may be in the workers' line, 16 of each by the service's defaults.
MOST_AHEAD = 3 * 16

BEGUN: LiteralString = """
    SELECT count(*) FROM drf_runs WHERE trigger = 'schedule' AND scheduled_for BETWEEN %s AND %s
        AND started_at IS NOT NULL"""
AHEAD: LiteralString = """
    SELECT (SELECT count(*) FROM drf_runs other WHERE other.tenant_id <> ours.tenant_id
            AND other.started_at > ours.created_at AND other.started_at < ours.started_at),
        extract(epoch FROM started_at - created_at)::float
    FROM drf_runs ours WHERE trigger = 'schedule' AND scheduled_for BETWEEN %s AND %s"""
MANUAL: LiteralString = "SELECT count(*) FROM drf_runs WHERE trigger = 'manual'"


def burst(world: World, form: Form) -> Row:
    """A tenant that asks for manual runs faster than they are done, beside one with some ticks."""
    world.start("web", *WORKERS, "beat", "reconciler", "relay")
    ours = watch(world, MONITORS)
    with world.acting_as(TENANTS[1]):
        theirs = watch(world, MONITORS, rows=SLOW_ROWS, schedule_cron=YEARLY)
        first = minute_after(datetime.now(UTC) + WARM_UP)
        last = first + (form.burst_minutes - 1) * MINUTE
        while world.count(BEGUN, first, last) < MONITORS * form.burst_minutes:
            for number in range(MORE if unfinished(world) < ENOUGH else 0):
                ask_now(world, theirs[number % MONITORS])
    world.kill("beat")
    ahead, seconds = zip(*world.rows(AHEAD, first, last), strict=True)
    manual = world.count(MANUAL)
    await_end(world)
    ticks = every_minute(ours, first, form.burst_minutes)
    report = check(world.database_url(), read_events(world.kafka.url), ticks)
    return Row(
        fault=f"a tenant asks for manual runs, so that {ENOUGH} always wait, beside {len(ahead)} ticks of another",
        expected=f"at most {MOST_AHEAD} of them begin while a tick waits",
        measured=f"at most {max(ahead)} of {manual:,} did; the ticks waited for at most {max(seconds):.1f} s; {report}",
        is_kept=max(ahead) <= MOST_AHEAD and not report.problems,
    )
