"""The page of a baseline version: how it was made, its features with their distributions, and the power card."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from algorithms.charts.feature_charts import reference_chart
from algorithms.charts.number_words import number
from algorithms.charts.svg import NO_TEXT, Markup
from detections.profiles.selectors import get_baseline_pictures
from drift_detector.formats import counted
from drift_detector.screens.power_rows import card_in_words, smallest_in_words
from drift_detector.screens.screen import Crumb, Screen, zone_of
from monitors.baselines.builds import request_baseline
from monitors.models import Baseline, Monitor
from monitors.selectors import list_baselines

FEATURES_PER_PAGE = 20
MOST_VERSIONS = 10
MEDIAN, FIRST, LAST = 0.5, 0.01, 0.99
UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))

type Shown = Mapping[str, Any]


class BaselinePage(Screen):
    template_name = "screens/baseline.html"

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Build a new version from the reference as it is now, and show how it stands."""
        baseline = request_baseline(monitor=_baseline(pk).monitor)
        messages.success(request, f"Version {baseline.version} is being built.")
        return HttpResponseRedirect(reverse("screens:baseline", args=[baseline.id]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        baseline = _baseline(self.kwargs["pk"])
        monitor = baseline.monitor
        pictures = get_baseline_pictures(baseline.id, monitor.sensitive_features)
        by_name = {picture["feature"]: picture for picture in pictures}
        # JSON of the database has no order; the frames have that of the data.
        names = list(by_name) or sorted(baseline.features)
        page = Paginator(names, FEATURES_PER_PAGE).get_page(self.request.GET.get("page"))
        card = baseline.calibration or {}
        return super().get_context_data(
            title=f"Baseline of {monitor.name}, version {baseline.version}",
            trail=_trail(baseline),
            baseline=baseline,
            monitor=monitor,
            zone=zone_of(monitor),
            is_building=baseline.status == Baseline.Status.BUILDING,
            size=size_in_words(baseline.size_bytes),
            page=page,
            is_drawn=bool(pictures),
            features=[_feature(baseline, name, by_name.get(name), card) for name in page],
            card=card,
            sentence=card_in_words(card),
            versions=list_baselines(monitor.id)[:MOST_VERSIONS],
            **kwargs,
        )


def _baseline(baseline_id: UUID) -> Baseline:
    baselines = Baseline.objects.select_related("monitor").defer("content")
    return get_object_or_404(baselines, id=baseline_id)


def _trail(baseline: Baseline) -> list[Crumb]:
    monitor: Monitor = baseline.monitor
    return [
        Crumb("Baselines", reverse("admin:monitors_baseline_changelist")),
        Crumb(monitor.name, reverse("screens:monitor", args=[monitor.id])),
        Crumb(f"Version {baseline.version}"),
    ]


def size_in_words(size: int) -> str:
    """A number of bytes in the largest unit that it fills."""
    for unit, letter in UNITS:
        if size >= unit:
            return f"{size / unit:.3g} {letter}"
    return counted(size, "byte")


def _feature(baseline: Baseline, name: str, picture: Shown | None, card: Shown) -> dict[str, Any]:
    """A feature with its chart and what the power card says of it."""
    drawn: Markup = NO_TEXT if picture is None else reference_chart(picture)
    is_sensitive = name in baseline.monitor.sensitive_features
    return {
        "name": name,
        "kind": baseline.features[name],
        "is_sensitive": is_sensitive,
        "nulls": None if picture is None else picture["null_rate"]["reference"],
        "values": "" if picture is None else _values(picture),
        "chart": drawn,
        "false_alarms": (card.get("drifted") or {}).get(name, 0),
        "visible": smallest_in_words((card.get("smallest_changes") or {}).get(name)),
        "usual": _usual(card, name),
    }


def _values(picture: Shown) -> str:
    """The values of a feature in a few words; none of a sensitive one."""
    if picture["quantiles"]:
        at = {each["level"]: each["reference"] for each in picture["quantiles"]}
        low, middle, high = (number(at.get(level), 4) for level in (FIRST, MEDIAN, LAST))
        return f"median {middle}, 98 % from {low} to {high}"
    names = (picture["categories"] or {}).get("names")
    return f"most frequent: {', '.join(map(str, names[:3]))}" if names else ""


def _usual(card: Shown, feature: str) -> Sequence[tuple[str, float]]:
    """The usual effect of a feature without drift, by method; those that have one."""
    named = (
        (name.partition(" "), effect) for name, effect in (card.get("usual_effects") or {}).items()
    )
    own = [(method, effect) for (method, _, name), effect in named if name == feature and effect]
    return sorted(own)
