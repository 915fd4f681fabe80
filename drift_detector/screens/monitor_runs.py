"""Shows the runs of a monitor: those of its latest ticks with their gaps, the next ones, and the work that goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from cronsim import CronSimError
from django.urls import reverse

from detections.backtests.selectors import list_recent_backtests
from detections.models import Backtest, DetectionRun
from detections.runs.selectors import list_ended_runs, list_latest_ticks, list_unfinished_runs
from drift_detector.formats import instant
from drift_detector.scheduling.cron import ticks_between
from drift_detector.scheduling.cron_words import next_ticks
from drift_detector.screens.templatetags.drift import window_text
from monitors.models import Baseline, Monitor
from monitors.selectors import list_light_baselines

TICKS = 60
NEXT_TICKS = 5
MOST_MISSED = 99
ENDED_SHOWN = 5
BUILDING = Baseline.Status.BUILDING
OF_TICKS = ("schedule", "backfill")
RUN_FIELDS = (
    "id", "status", "verdict", "trigger", "reason", "scheduled_for", "window_start", "window_end",
)  # fmt: skip

type Step = dict[str, Any]


def latest_ticks(monitor: Monitor) -> list[DetectionRun]:
    """The runs of the latest ticks, the oldest first."""
    return list(list_latest_ticks(monitor.id).only(*RUN_FIELDS)[:TICKS])[::-1]


def run_strip(monitor: Monitor, runs: Sequence[DetectionRun]) -> list[Step]:
    """The runs as steps of a strip, with a step for each gap of ticks that the ledger knows nothing of."""
    steps = [_run_step(monitor, run) for run in runs[:1]]
    for earlier, run in pairwise(runs):
        steps += [*_gap(monitor, earlier, run), _run_step(monitor, run)]
    return steps


def _run_step(monitor: Monitor, run: DetectionRun) -> Step:
    zone = ZoneInfo(monitor.timezone)
    window = window_text(run.window_start.astimezone(zone), run.window_end.astimezone(zone))
    ending = run.status if run.status != DetectionRun.Status.SUCCEEDED else run.verdict
    words = ending.replace("_", " ")
    at = f"{instant(run.scheduled_for.astimezone(zone))}, {run.trigger}"
    reason = f". {run.reason}" if run.reason else ""
    return {
        "verdict": ending,
        "href": reverse("screens:run", args=[run.id]),
        "title": f"{window}: {words} ({at}){reason}",
        "run_id": run.id,
    }


def _gap(monitor: Monitor, earlier: DetectionRun, later: DetectionRun) -> list[Step]:
    """The ticks between two runs of ticks, as one step."""
    if earlier.trigger not in OF_TICKS or later.trigger not in OF_TICKS:
        return []
    missed = _missed(monitor, earlier.scheduled_for, later.scheduled_for)
    if not missed:
        return []
    first = instant(missed[0].astimezone(ZoneInfo(monitor.timezone)))
    many = f"{len(missed)} ticks" if len(missed) <= MOST_MISSED else f"{MOST_MISSED} ticks or more"
    count = "One tick" if len(missed) == 1 else many
    title = f"{count} without a run, from {first} on"
    return [{"verdict": "missed", "href": "", "title": title, "run_id": ""}]


def _missed(monitor: Monitor, earlier: datetime, later: datetime) -> list[datetime]:
    """Ticks between two others by the schedule as it is now; one more than are counted, at most."""
    after = earlier + timedelta(microseconds=1)
    ticks = ticks_between(monitor.schedule_cron, monitor.timezone, after, later)
    try:
        return list(islice(ticks, MOST_MISSED + 1))
    except (CronSimError, ValueError):
        return []


@dataclass(frozen=True, slots=True)
class NextRun:
    """A run to come, with the window that it will read."""

    at: datetime
    start: datetime
    end: datetime


def next_runs(monitor: Monitor, now: datetime) -> list[NextRun]:
    """The next runs of a monitor's schedule; none while it is not active."""
    if monitor.status != Monitor.Status.ACTIVE:
        return []
    ticks = next_ticks(monitor.schedule_cron, monitor.timezone, now, NEXT_TICKS)
    return [NextRun(tick, *monitor.window_at(tick)) for tick in ticks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The work of a monitor that goes on, and the runs that ended since a moment.

    Attributes:
        since: That moment.
        unfinished: Runs that wait or are at work.
        running_id: A run that a worker has.
        ended: The latest runs that ended since.
        ended_count: All of them.
        baseline: The newest one, if it is being built or was made since.
        backtests: Those that are not finished, or were since.
    """

    since: datetime
    unfinished: int
    running_id: UUID | None
    ended: Sequence[DetectionRun]
    ended_count: int
    baseline: Baseline | None
    backtests: Sequence[Backtest]

    @property
    def goes_on(self) -> bool:
        """True while there is something to wait for."""
        is_building = self.baseline is not None and self.baseline.status == BUILDING
        is_replaying = any(each.status == Backtest.Status.RUNNING for each in self.backtests)
        return bool(self.unfinished) or is_building or is_replaying

    @property
    def is_worth_telling(self) -> bool:
        """True if something goes on, or has ended."""
        return bool(self.total or self.baseline or self.backtests)

    @property
    def total(self) -> int:
        """The runs that were asked for, those that have ended among them."""
        return self.unfinished + self.ended_count


def work_of(monitor: Monitor, since: datetime) -> Work:
    """The work that goes on for a monitor."""
    unfinished = list_unfinished_runs(monitor.id)
    ended = list_ended_runs(monitor.id, since)
    shown = list(ended.only(*RUN_FIELDS)[:ENDED_SHOWN])
    running = unfinished.filter(status=DetectionRun.Status.RUNNING)
    return Work(
        since=since,
        unfinished=unfinished.count(),
        running_id=running.values_list("id", flat=True).first(),
        ended=shown,
        ended_count=len(shown) if len(shown) < ENDED_SHOWN else ended.count(),
        baseline=_recent_baseline(monitor, since),
        backtests=list(list_recent_backtests(monitor.id, since)),
    )


def _recent_baseline(monitor: Monitor, since: datetime) -> Baseline | None:
    newest = list_light_baselines(monitor.id).first()
    is_recent = newest is not None and (newest.status == BUILDING or newest.created_at >= since)
    return newest if is_recent else None
