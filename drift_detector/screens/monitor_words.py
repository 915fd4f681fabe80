"""Says in sentences how a monitor stands: what drifted, what waits for people, and when it runs next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from alerts.models import Alert
from detections.models import DetectionRun
from drift_detector.screens.home import alerts_of
from drift_detector.screens.templatetags.drift import window_text
from monitors.models import Baseline, Monitor

ROWS = "(rows)"
"""Stands for the windows as a whole among the features of a series."""
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
UNJUDGED = {
    "insufficient_data": "there was too little data to judge",
    "unsupported": "an estimate of the performance was unsupported",
    "no_data": "there was no data",
    "error": "nothing could be judged",
}
SEVERITIES = ("critical", "warning", "info")
AN_HOUR, A_DAY, A_WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
SOON = timedelta(days=6)

ABBREVIATIONS = {"roc_auc": "ROC AUC", "mae": "MAE", "mse": "MSE", "rmse": "RMSE", "mape": "MAPE"}

type Series = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Phrase:
    """A part of a sentence, with the address of what it speaks of."""

    text: str
    href: str = ""


type Clause = list[Phrase]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that a monitor's state is said from.

    Attributes:
        monitor: The monitor.
        series: Of `get_monitor_series`, with all features.
        latest: The run of its latest tick that has ended.
        baselines: Its versions, the newest first.
        alerts: Those that are open.
        next_tick: None if there is none.
        now: The moment at which this is so.
    """

    monitor: Monitor
    series: Series
    latest: DetectionRun | None
    baselines: Sequence[Baseline]
    alerts: Sequence[Alert]
    next_tick: datetime | None
    now: datetime


def state_of(standing: Standing) -> list[Phrase]:
    """The state of a monitor as one sentence, whose parts lead to what they count."""
    monitor = standing.monitor
    clauses = [
        _baseline_clause(standing.baselines),
        _window_clause(standing.series, standing.latest, ZoneInfo(monitor.timezone)),
        _alert_clause(monitor, standing.alerts),
        _next_clause(monitor, standing.next_tick, standing.now),
    ]
    return _sentence([clause for clause in clauses if clause])


def _sentence(clauses: Sequence[Clause]) -> list[Phrase]:
    """Clauses with semicolons between them, a capital first and a full stop last."""
    words: list[Phrase] = []
    for clause in clauses:
        words += [Phrase("; "), *clause] if words else clause
    first = words[0]
    return [Phrase(first.text[:1].upper() + first.text[1:], first.href), *words[1:], Phrase(".")]


def _baseline_clause(baselines: Sequence[Baseline]) -> Clause:
    """About the newest version, unless it is ready."""
    newest = baselines[0] if baselines else None
    if newest is None:
        return [Phrase("it has no baseline")]
    page = reverse("screens:baseline", args=[newest.id])
    named = Phrase(f"version {newest.version} of its baseline", page)
    if newest.status == Baseline.Status.BUILDING:
        return [named, Phrase(" is being built")]
    if newest.status == Baseline.Status.FAILED:
        return [named, Phrase(f" could not be built ({newest.reason.rstrip('.')})")]
    return []


def _window_clause(series: Series, latest: DetectionRun | None, zone: ZoneInfo) -> Clause:
    """About the latest window: what drifted in it, or why it was not judged."""
    if latest is not None and latest.verdict in UNJUDGED:
        when = span_in_words(*_local(latest.window_start, latest.window_end, zone))
        page = reverse("screens:run", args=[latest.id])
        return [Phrase(when, page), Phrase(f" {UNJUDGED[latest.verdict]}")]
    if not series["windows"]:
        return [Phrase("no window has been judged yet")]
    return _drift_clause(series, zone)


def _local(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return start.astimezone(zone), end.astimezone(zone)


def _drift_clause(series: Series, zone: ZoneInfo) -> Clause:
    last = series["windows"][-1]
    page = reverse("screens:run", args=[last["run_id"]])
    when = span_in_words(*_local(last["window_start"], last["window_end"], zone))
    drifted, judged = _count_last(series["features"])
    share = f"{drifted} of {judged} features" if drifted else "no feature"
    rows = " and the number of rows" if _is_last_drifted(series["features"], ROWS) else ""
    return [Phrase(share, page), Phrase(f"{rows} drifted {when}")]


def _count_last(features: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """The numbers of features that drifted in the last window, and that were judged in it."""
    verdicts = [each["verdicts"][-1] for each in features if each["feature"] != ROWS]
    judged = [verdict for verdict in verdicts if verdict is not None]
    return judged.count("drift"), len(judged)


def _is_last_drifted(features: Iterable[Mapping[str, Any]], name: str) -> bool:
    return any(each["feature"] == name and each["verdicts"][-1] == "drift" for each in features)


def _alert_clause(monitor: Monitor, alerts: Sequence[Alert]) -> Clause:
    if not alerts:
        return [Phrase("no alert is open")]
    waiting = [alert for alert in alerts if alert.attention == Alert.Attention.NEW]
    page = _alerts_page(monitor, alerts)
    if not waiting:
        seen = _alerts_in_words(alerts)
        return [Phrase(seen, page), Phrase(f"{_pause(seen)} {_are(alerts)} open and seen")]
    verb, new = "waits" if len(waiting) == 1 else "wait", _alerts_in_words(waiting)
    return [Phrase(new, page), Phrase(f"{_pause(new)} {verb} for you")]


def _pause(words: str) -> str:
    """The comma after an insertion."""
    return "," if "," in words else ""


def _are(alerts: Sequence[Alert]) -> str:
    return "is" if len(alerts) == 1 else "are"


def _alerts_page(monitor: Monitor, alerts: Sequence[Alert]) -> str:
    if len(alerts) == 1:
        return reverse("screens:alert", args=[alerts[0].id])
    return alerts_of(monitor.id)


def _alerts_in_words(alerts: Sequence[Alert]) -> str:
    """`one critical alert`, `three alerts, one of them critical`."""
    severities = [alert.severity for alert in alerts]
    worst = min(severities, key=SEVERITIES.index)
    count, of_worst = len(alerts), severities.count(worst)
    if count == of_worst:
        return f"{in_words(count)} {worst} alert{'' if count == 1 else 's'}"
    return f"{in_words(count)} alerts, {in_words(of_worst)} of them {worst}"


def _next_clause(monitor: Monitor, next_tick: datetime | None, now: datetime) -> Clause:
    if monitor.status != Monitor.Status.ACTIVE:
        return [Phrase(f"it is {monitor.status}, so no run is planned")]
    if next_tick is None:
        return [Phrase("its schedule has no further run")]
    return [
        Phrase(f"the next run is {moment_in_words(next_tick, now, ZoneInfo(monitor.timezone))}")
    ]


def moment_in_words(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """A moment to come: `Monday 07:00 EST`, with its date from six days on."""
    local = at.astimezone(zone)
    if at - now < SOON:
        return f"{local:%A %H:%M} {local.tzname()}"
    return f"{local:%A} {date_in_words(local)} {local:%H:%M} {local.tzname()}"


def span_in_words(start: datetime, end: datetime) -> str:
    """A window with its preposition: `in the week of 9 December 2013`, `on 9 December 2013`."""
    day = date_in_words(start)
    is_midnight = (start.hour, start.minute, start.second) == (0, 0, 0)
    length = end.replace(tzinfo=None) - start.replace(tzinfo=None)  # on the calendar of the zone
    if is_midnight and length == A_WEEK:
        return f"in the week of {day}"
    if is_midnight and length == A_DAY:
        return f"on {day}"
    if length == AN_HOUR:
        return f"in the hour from {start:%H:%M} on {day}"
    return f"from {window_text(start, end)}"


def date_in_words(day: datetime) -> str:
    """`9 December 2013`."""
    return f"{day.day} {day:%B %Y}"


def metric_in_words(metric: str) -> str:
    """The name of a metric of performance for people."""
    return ABBREVIATIONS.get(metric, metric.replace("_", " "))


def in_words(count: int) -> str:
    """A count below ten as a word."""
    return SMALL[count] if count < len(SMALL) else f"{count:,}"
