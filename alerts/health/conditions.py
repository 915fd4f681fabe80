"""Reads what is wrong with a monitor now, from its newest runs, tick, baseline and streams."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import QuerySet

from alerts.health.health_causes import OF_VERDICTS, Cause, of_baseline, of_run, of_tick
from alerts.health.streams import list_silent_streams
from algorithms.verdicts import Verdict
from detections.ledger.runs import is_inline
from detections.models import DetectionRun
from monitors.models import Baseline, Monitor
from monitors.selectors import get_latest_baseline

NEWEST = 20
"""Runs that end out of order are not further apart than these."""
Status, Trigger = DetectionRun.Status, DetectionRun.Trigger
CHECKS, FOLLOW_UPS = (Trigger.SCHEDULE, Trigger.MANUAL), (Trigger.LABELS,)


def get_newest_check(monitor: Monitor) -> DetectionRun | None:
    """The check of the newest window that has ended, among those that alert."""
    return _newest_ended(monitor, CHECKS)


def list_causes(
    monitor: Monitor, check: DetectionRun | None, seen: Mapping[str, Any]
) -> list[Cause]:
    """All that is wrong with a monitor.

    Args:
        monitor: The monitor.
        check: Its newest check that has ended.
        seen: The keys of its newest health alert, by source.
    """
    return [
        *_of_check(monitor, check),
        *_of_newest_tick(monitor, check),
        *_of_newest_baseline(monitor),
        *list_lasting_causes(monitor, seen),
    ]


def list_lasting_causes(monitor: Monitor, seen: Mapping[str, Any]) -> list[Cause]:
    """The causes that last although the newest check has judged its window."""
    return [*_of_follow_up(monitor), *list_silent_streams(monitor.id, seen)]


def counts(run: DetectionRun) -> bool:
    """True for a run whose end says something of the monitor's health today."""
    is_of_present = run.trigger in (*CHECKS, *FOLLOW_UPS)
    return is_of_present and run.raises_alerts and not is_inline(run)


def _of_check(monitor: Monitor, check: DetectionRun | None) -> list[Cause]:
    if check is None or check.verdict not in OF_VERDICTS:
        return []
    return [of_run(check, monitor, source="check")]


def _of_follow_up(monitor: Monitor) -> list[Cause]:
    """Labels that can't be read; labels that are missing are the stream's matter."""
    run = _newest_ended(monitor, FOLLOW_UPS)
    if run is None or run.verdict != Verdict.ERROR:
        return []
    return [of_run(run, monitor, source="follow_up")]


def _of_newest_tick(monitor: Monitor, check: DetectionRun | None) -> list[Cause]:
    ticks = _runs(monitor).filter(trigger=Trigger.SCHEDULE)
    tick = ticks.order_by("-scheduled_for").first()
    if tick is None or tick.status != Status.SKIPPED:
        return []
    is_made_good = check is not None and check.window_end >= tick.window_end
    return [] if is_made_good else [of_tick(tick)]


def _of_newest_baseline(monitor: Monitor) -> list[Cause]:
    baseline = get_latest_baseline(monitor)
    if baseline is None or baseline.status != Baseline.Status.FAILED:
        return []
    return [of_baseline(baseline)]


def _newest_ended(monitor: Monitor, triggers: Collection[str]) -> DetectionRun | None:
    """The run of the newest window among those that ended last."""
    ended = _runs(monitor).filter(trigger__in=triggers, finished_at__isnull=False)
    alerting = ended.filter(raises_alerts=True, inline_data__isnull=True)
    last = alerting.order_by("-finished_at")[:NEWEST]
    return max(last, key=lambda run: (run.window_end, run.finished_at), default=None)


def _runs(monitor: Monitor) -> QuerySet[DetectionRun]:
    return DetectionRun.objects.defer("inline_data").filter(monitor_id=monitor.id)
