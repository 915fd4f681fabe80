"""The page of a feature: its distributions in one window, and its quantiles, effects and nulls over time."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse

from algorithms.charts.feature_charts import distribution_chart
from algorithms.charts.feature_figures import then_and_now
from algorithms.charts.lines import Level, Line, LineChart, Point, line_chart
from algorithms.charts.number_words import number
from algorithms.charts.svg import NO_TEXT, Markup
from detections.models import DetectionRun
from detections.profiles.selectors import get_feature_series, get_run_profile
from detections.runs.details import hide_values
from detections.runs.selectors import get_details_of_feature
from drift_detector.api.time_spans import Span
from drift_detector.screens.fault_words import fault_in_words
from drift_detector.screens.screen import Crumb, Screen, id_or_404, zone_of
from drift_detector.screens.templatetags.drift import window_text
from monitors.models import Monitor

WINDOWS = 60
SMALLEST = timedelta(microseconds=1)
MEDIAN, OUTER, INNER = 0.5, (0.05, 0.95), (0.25, 0.75)

type Shown = Mapping[str, Any]


def feature_address(monitor_id: UUID, feature: str, run_id: UUID | str | None = None) -> str:
    """The address of a feature's page, for one run's window or for the latest."""
    query = {"name": feature} | ({"run": str(run_id)} if run_id else {})
    return f"{reverse('screens:feature', args=[monitor_id])}?{urlencode(query)}"


class FeaturePage(Screen):
    template_name = "screens/feature.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        monitor = get_object_or_404(Monitor, id=self.kwargs["pk"])
        feature = self.request.GET.get("name", "")
        asked = _run_of(monitor, self.request.GET.get("run"))
        points = _points(monitor, feature, asked)
        place = _place_of(points, asked)
        run = _run_of(monitor, str(points[place]["run_id"])) if asked is None else asked
        assert run is not None
        found = get_run_profile(run, feature=feature)["features"]
        picture = found[0] if found else None
        return super().get_context_data(
            title=feature,
            trail=_trail(monitor, feature),
            monitor=monitor,
            feature=feature,
            zone=zone_of(monitor),
            run=run,
            picture=picture,
            chart=distribution_chart(picture) if picture else NO_TEXT,
            figures=then_and_now(picture) if picture else [],
            fault=_fault_of(run, feature),
            charts=_charts(monitor, feature, points),
            windows=[_step(monitor, feature, each) for each in points],
            earlier=_address(monitor, feature, points, place - 1),
            later=_address(monitor, feature, points, place + 1),
            **kwargs,
        )


def _run_of(monitor: Monitor, run_id: str | None) -> DetectionRun | None:
    """The run that is asked for, with its monitor; None if none is."""
    if run_id is None:
        return None
    runs = DetectionRun.objects.defer("inline_data")
    run = get_object_or_404(runs, monitor_id=monitor.id, id=id_or_404(run_id))
    run.monitor = monitor
    return run


def _fault_of(run: DetectionRun, feature: str) -> str:
    """The sentence about the fault of a feature in the window of a run; empty without one."""
    found = get_details_of_feature(run, feature)
    details = hide_values(found, run.monitor.sensitive_features)
    return next(filter(None, map(fault_in_words, details)), "")


def _points(monitor: Monitor, feature: str, run: DetectionRun | None) -> Sequence[Shown]:
    """The latest windows; those up to the window of an older run, if one is asked for."""
    latest = get_feature_series(monitor, feature, Span(None, None), most=WINDOWS)["points"]
    if run is not None and not any(_is_of(point, run) for point in latest):
        until = Span(None, run.window_start + SMALLEST)
        latest = get_feature_series(monitor, feature, until, most=WINDOWS)["points"]
    if not latest:
        raise Http404(f"No run of this monitor has a picture of {feature!r}.")
    points: Sequence[Shown] = latest
    return points


def _is_of(point: Shown, run: DetectionRun) -> bool:
    """True for the window of a run; a later run can have judged it once more."""
    window = point["window_start"], point["window_end"]
    return window == (run.window_start, run.window_end)


def _place_of(points: Sequence[Shown], run: DetectionRun | None) -> int:
    """The place of a run's window; the latest if none is asked for."""
    if run is None:
        return len(points) - 1
    places = [place for place, point in enumerate(points) if _is_of(point, run)]
    if not places:
        raise Http404("This run has no picture of the feature.")
    return places[0]


def _trail(monitor: Monitor, feature: str) -> list[Crumb]:
    return [
        Crumb("Monitors", reverse("admin:monitors_monitor_changelist")),
        Crumb(monitor.name, reverse("screens:monitor", args=[monitor.id])),
        Crumb(feature),
    ]


def _address(monitor: Monitor, feature: str, points: Sequence[Shown], place: int) -> str:
    if not 0 <= place < len(points):
        return ""
    return feature_address(monitor.id, feature, points[place]["run_id"])


def _step(monitor: Monitor, feature: str, point: Shown) -> dict[str, Any]:
    """A window in the strip above the chart."""
    return {
        "verdict": point["verdict"],
        "href": feature_address(monitor.id, feature, point["run_id"]),
        "title": _title(monitor, point),
        "run_id": point["run_id"],
    }


def _title(monitor: Monitor, point: Shown) -> str:
    zone = zone_of(monitor)
    times = window_text(
        point["window_start"].astimezone(zone), point["window_end"].astimezone(zone)
    )
    ratio = point["effect_ratio"]
    effect = "" if ratio is None else f", {number(ratio)} × tolerance"
    return f"{times}: {point['verdict'] or 'not judged'}{effect}"


def _charts(
    monitor: Monitor, feature: str, points: Sequence[Shown]
) -> Iterator[tuple[str, Markup]]:
    """The charts over time, each with its heading."""
    zone = zone_of(monitor)
    yield "Effect as a multiple of its tolerance", _effect_chart(monitor, feature, points)
    if any(point["quantiles"] for point in points):
        yield "Quantiles over time", _quantile_chart(points, zone)
    if any(point["new_categories"] for point in points):
        yield "Share of new categories", _rate_chart(points, zone, "New categories", _new_share)
    yield "Share of nulls", _rate_chart(points, zone, "Nulls", _null_rate)


def _effect_chart(monitor: Monitor, feature: str, points: Sequence[Shown]) -> Markup:
    zone = zone_of(monitor)
    line = Line(
        "effect",
        [
            Point(
                at=point["window_start"].astimezone(zone),
                value=point["effect_ratio"],
                mark="drift" if point["verdict"] == "drift" else "",
                title=_title(monitor, point),
                href=feature_address(monitor.id, feature, point["run_id"]),
            )
            for point in points
        ],
    )
    limit = Level(1.0, "tolerance")
    label = f"{feature}: effect over time"
    return line_chart(LineChart(label=label, lines=[line], levels=[limit], from_zero=True))


def _quantile_chart(points: Sequence[Shown], zone: ZoneInfo) -> Markup:
    """The current median between two bands, and the reference's median."""
    lines = [
        Line("5 to 95 %", _band(points, zone, OUTER), "faint"),
        Line("25 to 75 %", _band(points, zone, INNER), "current"),
        Line("reference median", _quantile_points(points, zone, MEDIAN, "reference"), "reference"),
        Line("median", _quantile_points(points, zone, MEDIAN, "current"), "current"),
    ]
    return line_chart(LineChart(label="Quantiles over time", lines=lines))


def _quantile(point: Shown, level: float, window: str) -> float | None:
    found = [each[window] for each in point["quantiles"] or [] if each["level"] == level]
    return found[0] if found else None


def _band(points: Sequence[Shown], zone: ZoneInfo, levels: tuple[float, float]) -> list[Point]:
    low, high = levels
    return [
        Point(
            point["window_start"].astimezone(zone),
            None,
            _quantile(point, low, "current"),
            _quantile(point, high, "current"),
        )
        for point in points
    ]


def _quantile_points(
    points: Sequence[Shown], zone: ZoneInfo, level: float, window: str
) -> list[Point]:
    return [
        Point(point["window_start"].astimezone(zone), _quantile(point, level, window))
        for point in points
    ]


def _new_share(point: Shown) -> tuple[float | None, float | None]:
    new = point["new_categories"]
    return (new["share"] if new else None), None


def _null_rate(point: Shown) -> tuple[float | None, float | None]:
    return point["null_rate"]["current"], point["null_rate"]["reference"]


def _rate_chart(points: Sequence[Shown], zone: ZoneInfo, name: str, rate: Any) -> Markup:
    """A share over time, and the reference's share where it has one."""
    pairs = [(point["window_start"].astimezone(zone), *rate(point)) for point in points]
    lines = [
        Line("reference", [Point(at, usual) for at, _, usual in pairs], "reference"),
        Line(name, [Point(at, now) for at, now, _ in pairs], "current"),
    ]
    return line_chart(LineChart(label=f"{name} over time", lines=lines, from_zero=True, height=140))
