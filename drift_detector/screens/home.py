"""The home page: what needs people, the monitors with their last runs, the last day, and the next ticks."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils import timezone

from alerts import overview
from alerts.models import Alert
from alerts.notifier.texts import worst_features
from alerts.overview import Check, MonitorStanding
from algorithms.methods import Method
from drift_detector.formats import counted
from drift_detector.scheduling.cron_words import next_ticks
from drift_detector.scheduling.timetable import Schedule
from drift_detector.screens.feature_page import feature_address
from drift_detector.screens.screen import Screen, zone_of
from drift_detector.screens.templatetags.drift import window_text
from drift_detector.tenancy.models import Scope
from drift_detector.tenancy.site import may
from monitors.models import Monitor

MOST_ALERTS = 6
MOST_MONITORS = 20
MOST_RUNS = 30
MOST_TICKS = 8
MOST_FEATURES = 3
ALERTS = "admin:alerts_alert_changelist"
MONITORS = "admin:monitors_monitor_changelist"
RUNS = "admin:detections_detectionrun_changelist"
LATELY = {"made_within": "1"}
UNSEEN = {"status": Alert.Status.OPEN.value, "unseen": "1"}
NAMES = {
    "error": "Failed",
    "skipped": "Skipped ticks",
    "no_data": "No data",
    "insufficient_data": "Too little data",
    "unsupported": "Unsupported estimate",
    "drift": "Drift",
    "ok": "Ok",
    "running": "Running now",
    "queued": "In the queue",
    "waiting": "Waiting",
}
"""Verdicts and statuses of runs as headings, the troubles first."""
STATUSES = frozenset({"skipped", "running", "queued", "waiting"})

type Shown = dict[str, Any]


class HomePage(Screen):
    template_name = "screens/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        standings = overview.list_standings()
        ticks = _next_ticks(standings)
        return super().get_context_data(
            title="Home",
            **_needs(can_operate=may(self.request, Scope.MONITORS_WRITE)),
            monitors=_monitor_rows(standings[:MOST_MONITORS], ticks),
            all_monitors=_counted_link(len(standings), "monitor", MONITORS),
            verdicts=_by_verdict(standings),
            runs=_latest_runs(),
            ticks=_upcoming(standings, ticks),
            **kwargs,
        )


def _address(name: str, query: Mapping[str, str] | None = None) -> str:
    return f"{reverse(name)}?{urlencode(query)}" if query else reverse(name)


def _counted_link(count: int, word: str, name: str, **query: str) -> Shown:
    return {"count": count, "text": counted(count, word), "href": _address(name, query)}


def _needs(*, can_operate: bool) -> Shown:
    """The alerts that wait for people: how many, and the first of them."""
    counts = overview.count_waiting_alerts()
    alerts = overview.list_waiting_alerts()[:MOST_ALERTS]
    return {
        "severities": [_severity(severity, count) for severity, count in counts.open.items()],
        "open_alerts": sum(counts.open.values()),
        "unseen": _unseen_link(counts.ended),
        "alerts": [_alert_row(alert, can_operate=can_operate) for alert in alerts],
        "all_alerts": _address(ALERTS, UNSEEN),
    }


def _severity(severity: str, count: int) -> Shown:
    query = UNSEEN | {"severity__exact": severity}
    return {"severity": severity, "count": count, "href": _address(ALERTS, query)}


def _unseen_link(count: int) -> Shown:
    query = {"status": Alert.Status.RESOLVED.value, "unseen": "1"}
    return {"count": count, "text": counted(count, "alert"), "href": _address(ALERTS, query)}


def _alert_row(alert: Alert, *, can_operate: bool) -> Shown:
    return {
        "alert": alert,
        "zone": zone_of(alert.monitor),
        "monitor": alert.monitor,
        "features": _features(alert),
        "acts": [_act(alert, name) for name in _acts(alert)] if can_operate else [],
    }


def _acts(alert: Alert) -> tuple[str, ...]:
    is_over = alert.phase == Alert.Phase.RESOLVED
    return ("acknowledge",) if is_over else ("acknowledge", "snooze", "assign", "resolve")


def _act(alert: Alert, name: str) -> Shown:
    address = reverse("admin:alerts_alert_act", args=[name])
    return {"title": name.capitalize(), "href": f"{address}?ids={alert.id}"}


def _features(alert: Alert) -> list[tuple[str, str]]:
    """The worst features with the addresses of their distributions in the last drifted window."""
    if alert.kind != Alert.Kind.STATISTICAL:
        return []
    drawn = [each for each in worst_features(alert) if each.get("method") != Method.SCHEMA]
    names = [str(each["feature"]) for each in drawn[:MOST_FEATURES]]
    return [(name, feature_address(alert.monitor_id, name, alert.last_run_id)) for name in names]


def _monitor_rows(
    standings: Sequence[MonitorStanding], ticks: Mapping[Schedule, datetime | None]
) -> list[Shown]:
    checks = overview.get_latest_checks([each.id for each in standings], most=MOST_RUNS)
    return [
        {
            "standing": each,
            "zone": ZoneInfo(each.schedule.zone),
            "href": reverse("screens:monitor", args=[each.id]),
            "steps": _steps(each, checks.get(each.id, [])),
            "label": _strip_label(checks.get(each.id, [])),
            "alerts": alerts_of(each.id),
            "next": ticks.get(each.schedule) if _is_active(each) else None,
        }
        for each in standings
    ]


def alerts_of(monitor_id: UUID) -> str:
    """The address of the list of a monitor's open alerts."""
    of_monitor = {"monitor__id__exact": str(monitor_id)}
    return _address(ALERTS, {"status": Alert.Status.OPEN.value} | of_monitor)


def _steps(standing: MonitorStanding, checks: Iterable[Check]) -> list[Shown]:
    zone = ZoneInfo(standing.schedule.zone)
    return [
        {
            "word": check.word,
            "href": reverse("screens:run", args=[check.id]),
            "title": _step_title(check, zone),
        }
        for check in checks
    ]


def _step_title(check: Check, zone: ZoneInfo) -> str:
    times = window_text(check.start.astimezone(zone), check.end.astimezone(zone))
    return f"{times}: {check.word.replace('_', ' ')}"


def _strip_label(checks: Sequence[Check]) -> str:
    """The strip in words: `Last 30 runs: 28 ok, 2 drift`."""
    counts = Counter(check.word.replace("_", " ") for check in checks)
    parts = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return f"Last {counted(len(checks), 'run')}: {parts or 'none yet'}"


def _by_verdict(standings: Iterable[MonitorStanding]) -> list[Shown]:
    """The number of monitors by the verdict of their last check, the worst first."""
    counts = Counter(each.verdict for each in standings)
    verdicts = [each.value for each in reversed(overview.VERDICTS)]
    return [
        {
            "verdict": verdict,
            "count": counts[verdict],
            "href": _address(MONITORS, {"verdict": verdict}),
        }
        for verdict in verdicts
        if counts[verdict]
    ]


def _latest_runs() -> list[Shown]:
    """The runs of the last day by what they ended with, the troubles first."""
    counts = overview.count_latest_runs()
    return [
        {"name": name, "count": counts.get(word, 0), "word": word, "href": _runs_with(word)}
        for word, name in NAMES.items()
    ]


def _runs_with(word: str) -> str:
    field = "status__exact" if word in STATUSES else "verdict__exact"
    return _address(RUNS, LATELY | {field: word})


def _is_active(standing: MonitorStanding) -> bool:
    return standing.status == Monitor.Status.ACTIVE


def _next_ticks(standings: Iterable[MonitorStanding]) -> dict[Schedule, datetime | None]:
    """The next tick of each schedule: many monitors share one."""
    now = timezone.now()
    schedules = {each.schedule for each in standings if _is_active(each)}
    return {schedule: next_tick_of(schedule, now) for schedule in schedules}


def next_tick_of(schedule: Schedule, now: datetime) -> datetime | None:
    """The next tick; None for a schedule that never comes due or that another program wrote wrongly."""
    return next(iter(next_ticks(*schedule, now, 1)), None)


def _upcoming(
    standings: Iterable[MonitorStanding], ticks: Mapping[Schedule, datetime | None]
) -> list[Shown]:
    """The next ticks of all monitors, the earliest first."""
    due = [(ticks[each.schedule], each) for each in standings if _is_active(each)]
    known = [(tick, each) for tick, each in due if tick is not None]
    return [
        {
            "at": tick,
            "zone": ZoneInfo(each.schedule.zone),
            "name": each.name,
            "href": reverse("screens:monitor", args=[each.id]),
        }
        for tick, each in sorted(known, key=lambda pair: (pair[0], pair[1].name))[:MOST_TICKS]
    ]
