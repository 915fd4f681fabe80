"""The page of a backtest: the windows that would have alerted, before and after a change of settings."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from algorithms.charts.number_words import NOTHING, number, share
from detections.backtests.selectors import get_backtest, get_plain_twin, list_backtests
from detections.ledger.runs import list_ticks
from detections.models import Backtest
from drift_detector.screens.asking import go_to
from drift_detector.screens.backtest_charts import (
    backtest_map,
    by_tick,
    drifted_features,
    features_in_words,
    times_of,
)
from drift_detector.screens.screen import Crumb, Screen, zone_of
from drift_detector.screens.tune_page import change_monitor
from drift_detector.tenancy.models import Scope
from monitors.models import Monitor

TICKS_PER_PAGE = 52
MOST_DIFFERENT = 40
MOST_REASONS = 6
MOST_TICKS = 100_000
OTHERS = 8
AS_IT_WAS, CHANGED = "As the monitor was", "With the changes"
FIGURES = (
    ("Alerts", "alerts", number),
    ("Alerts a month", "alerts_per_month", number),
    ("Windows judged", "judged", number),
    ("Windows that drifted", "drifted", number),
    ("Share of windows that drifted", "drift_rate", share),
)


class BacktestPage(Screen):
    """Shows one backtest, beside the one over the same ticks with the settings as they were."""

    scope_to_post = Scope.RUNS_WRITE
    template_name = "screens/backtest.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        backtest = get_object_or_404(get_backtest(self.kwargs["pk"]))
        monitor = backtest.monitor
        twin = get_plain_twin(backtest) if backtest.changes else None
        shown = {
            "title": "Backtest",
            "trail": trail_of(monitor, Crumb("Backtest")),
            "monitor": monitor,
            "zone": zone_of(monitor),
            "backtest": backtest,
            "twin": twin,
            "changes": list(changes_in_words(monitor, backtest.changes)),
            "others": list_backtests(monitor.id).exclude(id=backtest.id)[:OTHERS],
        }
        return super().get_context_data(**(shown | self._standing(backtest, twin) | kwargs))

    def _standing(self, backtest: Backtest, twin: Backtest | None) -> dict[str, Any]:
        """The progress of the two, or their results."""
        both = [each for each in (backtest, twin) if each is not None]
        if any(each.status == Backtest.Status.RUNNING for each in both):
            return _progress(both)
        if backtest.status != Backtest.Status.READY:
            return {}
        return _result(backtest, twin, self.request.GET.get("page"))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Apply the settings of the backtest to its monitor."""
        backtest = get_object_or_404(get_backtest(kwargs["pk"]))
        monitor = Monitor.objects.select_for_update(no_key=True).get(id=backtest.monitor_id)
        try:
            job = change_monitor(request, monitor, backtest.changes)
        except ValidationError as error:
            messages.error(request, "; ".join(error.messages))
            return go_to(request, "backtest", backtest.id)
        if job is not None:
            return go_to(request, "tune", monitor.id, query=f"job={job.id}")
        messages.success(request, "The settings are applied.")
        return go_to(request, "tune", monitor.id)


def trail_of(monitor: Monitor, *more: Crumb) -> list[Crumb]:
    """The way to a page of a monitor."""
    return [
        Crumb("Monitors", reverse("admin:monitors_monitor_changelist")),
        Crumb(monitor.name, reverse("screens:monitor", args=[monitor.id])),
        *more,
    ]


def _progress(backtests: Sequence[Backtest]) -> dict[str, Any]:
    """The ticks that are judged, of all."""
    first = backtests[0]
    try:
        ticks = len(list_ticks(first.monitor, first.start, first.end, most=MOST_TICKS))
    except ValidationError:  # the schedule has been changed since
        ticks = 1
    done = sum(len(each.windows) for each in backtests)
    return {"done": done, "most": max(ticks, 1) * len(backtests)}


def _result(backtest: Backtest, twin: Backtest | None, page: str | None) -> dict[str, Any]:
    """The figures and the maps of a page of ticks; without a page, the last with a drifted window."""
    zone = zone_of(backtest.monitor)
    mine, before = by_tick(backtest.windows), by_tick(twin.windows) if twin else {}
    ticks = sorted({*mine, *before}, key=datetime.fromisoformat)
    turned = _turn(ticks, page or _page_of_interest(ticks, mine, before))
    features = drifted_features(backtest.windows, twin.windows if twin else [])
    maps = [
        (name, backtest_map(each, turned["shown"], features, zone, name))
        for name, each in _named(backtest, mine, before)
    ]
    different = list(_different(ticks, before, mine, zone)) if twin else []
    return turned | {
        "figures": list(_figures(backtest, twin)),
        "maps": maps,
        "unjudged": _unjudged(backtest.windows),
        "different": different,
    }


def _named(
    backtest: Backtest, mine: Mapping[str, Any], before: Mapping[str, Any]
) -> list[tuple[str, Mapping[str, Any]]]:
    """The records of both, the one before the changes first."""
    if not backtest.changes:
        return [(AS_IT_WAS, mine)]
    return [*([(AS_IT_WAS, before)] if before else []), (CHANGED, mine)]


def _turn(ticks: Sequence[str], asked: str | int) -> dict[str, Any]:
    """A page of ticks, and the addresses of those beside it."""
    page = Paginator(ticks, TICKS_PER_PAGE).get_page(asked)
    return {
        "shown": list(page),
        "earlier": f"?page={page.number - 1}" if page.has_previous() else "",
        "later": f"?page={page.number + 1}" if page.has_next() else "",
        "has_pages": page.has_other_pages(),
    }


def _page_of_interest(ticks: Sequence[str], *backtests: Mapping[str, Any]) -> int:
    drifted = [place for place, tick in enumerate(ticks) if _has_drift(tick, backtests)]
    return (drifted[-1] if drifted else len(ticks) - 1) // TICKS_PER_PAGE + 1


def _has_drift(tick: str, backtests: Iterable[Mapping[str, Any]]) -> bool:
    return any(windows.get(tick, {}).get("verdict") == "drift" for windows in backtests)


def _figures(backtest: Backtest, twin: Backtest | None) -> Iterator[tuple[str, str, str]]:
    """The figures of both, before and after."""
    for name, key, written in FIGURES:
        before = written(twin.summary.get(key)) if twin else NOTHING
        yield name, before, written(backtest.summary.get(key))
    for severity in ("critical", "warning", "info"):
        counts = [
            each.summary.get("by_severity", {}).get(severity, 0)
            for each in (backtest, twin)
            if each
        ]
        if any(counts):
            yield f"Of them {severity}", number(counts[1]) if twin else NOTHING, number(counts[0])


def _unjudged(windows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """The reasons why windows were not judged, each with its verdict and the number of windows."""
    counts = Counter(
        (window["verdict"], window["reason"])
        for window in windows
        if window["verdict"] not in ("ok", "drift")
    )
    return [(*reason, count) for reason, count in counts.most_common(MOST_REASONS)]


def _different(
    ticks: Sequence[str], before: Mapping[str, Any], after: Mapping[str, Any], zone: Any
) -> Iterator[dict[str, Any]]:
    """The windows that the two judge otherwise, or on other features."""
    found = 0
    for tick in ticks:
        was, now = before.get(tick), after.get(tick)
        if was is None or now is None or found >= MOST_DIFFERENT:
            continue
        if (was["verdict"], features_in_words(was)) != (now["verdict"], features_in_words(now)):
            found += 1
            yield {
                "times": times_of(now, zone),
                "was": was["verdict"],
                "was_on": features_in_words(was),
                "now": now["verdict"],
                "now_on": features_in_words(now),
            }


def changes_in_words(
    monitor: Monitor, changes: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """The settings that a backtest changes, each with its value at the monitor now and the one that was tried."""
    for name, value in changes.items():
        now, tried = _flat(name, getattr(monitor, name)), _flat(name, value)
        for setting in sorted({*now, *tried}):
            if now.get(setting) != tried.get(setting):
                yield setting, _word(now.get(setting)), _word(tried.get(setting))


def _flat(name: str, value: Any) -> dict[str, Any]:
    """A setting by the places in it: `tolerances of ks for delay`."""
    words = name.replace("_", " ")
    if not isinstance(value, dict):
        return {words: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        if not isinstance(inner, dict):
            found[f"{words} of {key}"] = inner
            continue
        features = inner.get("features", {})
        found |= {f"{words} of {key} for {feature}": each for feature, each in features.items()}
        found |= {f"{words} of {key}": inner["default"]} if "default" in inner else {}
    return found


def _word(value: Any) -> str:
    if value is None:
        return "the default"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return number(value) if isinstance(value, int | float) else str(value)
