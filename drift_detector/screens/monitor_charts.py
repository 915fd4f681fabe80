"""Draws a monitor: the effects of its features over windows, and the performance of its model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from algorithms.charts.heat_map import HeatCell, HeatRow, WideHeatMap, wide_heat_map
from algorithms.charts.lines import Level, Line, LineChart, Point, line_chart
from algorithms.charts.number_words import number
from algorithms.charts.svg import Markup
from drift_detector.screens.feature_page import feature_address
from drift_detector.screens.monitor_words import metric_in_words
from drift_detector.screens.templatetags.drift import window_text
from monitors.models import Monitor

FIRST_ROWS, MORE_ROWS = 20, 40
MEASURED = "performance"

type Shown = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HeatPart:
    """Some rows of a heat map, and where the next ones begin; 0 if these are the last."""

    drawing: WideHeatMap
    following: int
    more: int


def heat_part(monitor: Monitor, series: Shown, start: int, most: int) -> HeatPart | None:
    """The rows of a heat map from one on, worst first; None if there is none."""
    chosen = series["features"][start : start + most]
    if not chosen:
        return None
    zone = ZoneInfo(monitor.timezone)
    windows = series["windows"]
    titles = [_window_title(each, zone) for each in windows]
    rows = [_row(monitor, each, windows, titles) for each in chosen]
    drawing = wide_heat_map(
        rows, _column_names(monitor, windows, zone), label="Effect over tolerance"
    )
    left = len(series["features"]) - start - len(chosen)
    return HeatPart(drawing, start + len(chosen) if left else 0, min(left, MORE_ROWS))


def _row(
    monitor: Monitor, feature: Shown, windows: Sequence[Shown], titles: Sequence[str]
) -> HeatRow:
    name = feature["feature"]
    # `(rows)` is no feature. An address is put together once: there are very many cells.
    page = "" if name.startswith("(") else feature_address(monitor.id, name)
    cells = zip(feature["effect_ratios"], feature["verdicts"], windows, titles, strict=True)
    return HeatRow(
        label=name,
        href=page or None,
        cells=[
            HeatCell(
                ratio=ratio,
                verdict=verdict,
                title=f"{name}, {title}: {_effect(ratio, verdict)}",
                href=f"{page}&run={window['run_id']}" if page else _run_address(window),
            )
            for ratio, verdict, window, title in cells
        ],
    )


def _run_address(window: Shown) -> str:
    return reverse("screens:run", args=[window["run_id"]])


def _effect(ratio: float | None, verdict: str | None) -> str:
    words = (verdict or "").replace("_", " ")
    return words if ratio is None else f"{number(ratio)} × tolerance, {words}"


def _window_title(window: Shown, zone: ZoneInfo) -> str:
    return window_text(
        window["window_start"].astimezone(zone), window["window_end"].astimezone(zone)
    )


def _column_names(monitor: Monitor, windows: Sequence[Shown], zone: ZoneInfo) -> list[str]:
    form = "%m-%d" if monitor.window >= timedelta(days=1) else "%d, %H:%M"
    return [each["window_start"].astimezone(zone).strftime(form) for each in windows]


@dataclass(frozen=True, slots=True)
class MetricChart:
    """The chart of one metric of the model."""

    name: str
    drawing: Markup
    has_estimate: bool


def performance_charts(monitor: Monitor, series: Shown) -> list[MetricChart]:
    """A chart for each metric: its value with the interval, its estimate, and the limit."""
    metrics: dict[str, dict[str, Sequence[Shown]]] = {}
    for each in series["performance"]:
        metrics.setdefault(each["metric"], {})[each["method"]] = each["points"]
    return [_metric_chart(monitor, name, lines) for name, lines in metrics.items()]


def _metric_chart(
    monitor: Monitor, metric: str, lines: Mapping[str, Sequence[Shown]]
) -> MetricChart:
    zone, name = ZoneInfo(monitor.timezone), metric_in_words(metric)
    estimates = [each for method, each in lines.items() if method != MEASURED]
    drawn = [Line("estimate", _points(each, zone), "estimate") for each in estimates]
    if MEASURED in lines:
        drawn.append(Line(name, _points(lines[MEASURED], zone), "main"))
    latest = max(
        (point for points in lines.values() for point in points), key=_start_of, default=None
    )
    chart = LineChart(label=f"{name} over time", lines=drawn, levels=_levels(latest))
    return MetricChart(name, line_chart(chart), has_estimate=bool(estimates))


def _start_of(point: Shown) -> datetime:
    start: datetime = point["window_start"]
    return start


def _levels(latest: Shown | None) -> list[Level]:
    """The limit, and the value over the reference."""
    if latest is None:
        return []
    named = (("limit", "limit"), ("baseline", "usual"))
    words = {"limit": "limit", "baseline": "reference"}
    return [
        Level(latest[field], f"{words[field]} {number(latest[field])}", style)
        for field, style in named
        if latest[field] is not None
    ]


def _points(points: Sequence[Shown], zone: ZoneInfo) -> list[Point]:
    return [
        Point(
            at=each["window_start"].astimezone(zone),
            value=each["value"],
            lower=each["lower"],
            upper=each["upper"],
            mark="drift" if each["verdict"] == "drift" else "",
            title=_point_title(each, zone),
            href=reverse("screens:run", args=[each["run_id"]]),
        )
        for each in points
    ]


def _point_title(point: Shown, zone: ZoneInfo) -> str:
    ends = f" ({number(point['lower'])} to {number(point['upper'])})"
    interval = "" if point["lower"] is None else ends
    words = (point["verdict"] or "").replace("_", " ")
    return f"{_window_title(point, zone)}: {number(point['value'])}{interval}, {words}"
