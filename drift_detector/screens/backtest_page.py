"""The page of a backtest: the windows that would have alerted, before and after a change of settings."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from detections.backtests.selectors import get_backtest, get_plain_twin, list_backtests
from detections.ledger.runs import list_ticks
from detections.models import Backtest
from drift_detector.formats import NOTHING, number, share
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
from monitors.models import Monitor

TICKS_PER_PAGE = 52
MOST_DIFFERENT = 40
OTHERS = 8
FIGURES = (
    ("Alerts", "alerts", number),
    ("Alerts a month", "alerts_per_month", number),
    ("Windows judged", "judged", number),
    ("Windows that drifted", "drifted", number),
    ("Share of windows that drifted", "drift_rate", share),
)

type Pair = tuple[Backtest, Backtest | None]


class BacktestPage(Screen):
    """Shows one backtest, beside the one over the same ticks with the settings as they were."""

    template_name = "screens/backtest.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        backtest = get_object_or_404(get_backtest(self.kwargs["pk"]))
        monitor = backtest.monitor
        twin = get_plain_twin(backtest) if backtest.changes else None
        shown: dict[str, Any] = {
            "title": "Backtest",
            "trail": trail_of(monitor, Crumb("Backtest")),
            "monitor": monitor,
            "zone": zone_of(monitor),
            "backtest": backtest,
            "twin": twin,
            "changes": list(changes_in_words(monitor, backtest.changes)),
            "others": list_backtests(monitor.id).exclude(id=backtest.id)[:OTHERS],
        }
        waited_for = [each for each in (backtest, twin) if each and each.status == "running"]
        if waited_for:
            shown |= _progress(monitor, [each for each in (backtest, twin) if each])
        elif backtest.status == Backtest.Status.READY:
            page = self.request.GET.get("page", "")
            shown |= _result(backtest, twin, int(page) if page.isdecimal() else None)
        return super().get_context_data(**(shown | kwargs))

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


def _progress(monitor: Monitor, backtests: Sequence[Backtest]) -> dict[str, Any]:
    """The ticks that are judged, of all."""
    first = backtests[0]
    try:
        ticks = list_ticks(monitor, first.start, first.end, most=100_000)
    except ValidationError:  # the schedule has been changed since
        ticks = []
    done = sum(len(each.windows) for each in backtests)
    return {"done": done, "most": len(ticks) * len(backtests)}


def _result(backtest: Backtest, twin: Backtest | None, page: int | None) -> dict[str, Any]:
    """The figures and the maps of a page of ticks; without a page, the last with a drifted window."""
    zone = zone_of(backtest.monitor)
    mine, before = by_tick(backtest.windows), by_tick(twin.windows) if twin else {}
    ticks = sorted({*mine, *before}, key=datetime.fromisoformat)
    pages = max(1, -(-len(ticks) // TICKS_PER_PAGE))
    number_of_page = min(max(page or _page_of_interest(ticks, mine, before), 1), pages)
    shown = ticks[(number_of_page - 1) * TICKS_PER_PAGE : number_of_page * TICKS_PER_PAGE]
    features = drifted_features(backtest.windows, twin.windows if twin else [])
    maps = [("With the changes" if backtest.changes else "As the monitor was", mine)]
    if twin:
        maps.insert(0, ("As the monitor was", before))
    return {
        "figures": list(_figures(backtest, twin)),
        "maps": [(name, backtest_map(each, shown, features, zone, name)) for name, each in maps],
        "different": list(_different(ticks, before, mine, zone)) if twin else [],
        "first": datetime.fromisoformat(shown[0]) if shown else None,
        "last": datetime.fromisoformat(shown[-1]) if shown else None,
        "earlier": f"?page={number_of_page - 1}" if number_of_page > 1 else "",
        "later": f"?page={number_of_page + 1}" if number_of_page < pages else "",
        "has_pages": pages > 1,
    }


def _page_of_interest(ticks: Sequence[str], *backtests: Mapping[str, Any]) -> int:
    drifted = [
        place
        for place, tick in enumerate(ticks)
        if any(each.get(tick, {}).get("verdict") == "drift" for each in backtests)
    ]
    return (drifted[-1] if drifted else len(ticks) - 1) // TICKS_PER_PAGE + 1


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


def _different(
    ticks: Sequence[str], before: Mapping[str, Any], after: Mapping[str, Any], zone: Any
) -> Iterator[dict[str, Any]]:
    """The windows that the two judge otherwise, or on other features."""
    found = 0
    for tick in ticks:
        pair = before.get(tick), after.get(tick)
        if None in pair or found >= MOST_DIFFERENT:
            continue
        was, now = pair
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
    """What a backtest changes: the setting, its value at the monitor now, and the value that was tried."""
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
