"""The page around Evidently's report of a run: our verdict above it, and why the two can differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from algorithms.charts.number_words import share
from algorithms.verdicts import Verdict
from detections.models import DetectionRun, Report
from detections.profiles.selectors import ALL_FEATURES, get_run_profile
from detections.reports import selectors
from detections.reports.report_figures import ColumnFigures, ReportFigures, read_figures
from detections.reports.services import NoReport, request_report, shows_sensitive
from drift_detector.formats import counted
from drift_detector.screens.feature_page import feature_address
from drift_detector.screens.screen import Crumb, Screen, zone_of
from drift_detector.screens.templatetags.drift import window_text
from drift_detector.tenancy.models import Scope

NO_METHOD = {"method": "", "effect_size": None, "tolerance": None}

type Shown = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """One feature as we judge it, and as Evidently does.

    Attributes:
        feature: Its name.
        href: Its page.
        verdict: Ours; empty if we did not judge it.
        method: The method with our largest effect.
        effect: That effect.
        tolerance: The effect up to which a change does not matter.
        column: Evidently's test; None if the report leaves the column out.
    """

    feature: str
    href: str
    verdict: str
    method: str
    effect: float | None
    tolerance: float | None
    column: ColumnFigures | None

    @property
    def is_agreed(self) -> bool:
        """True if both say the same, as far as both say something."""
        if self.column is None or not self.verdict:
            return True
        return self.column.is_drifted == (self.verdict == Verdict.DRIFT)


class ReportPage(Screen):
    scope_to_post = Scope.RUNS_WRITE
    template_name = "screens/report.html"

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask for the report."""
        try:
            request_report(run=_run(pk))
        except NoReport as error:
            messages.warning(request, str(error))
        return HttpResponseRedirect(reverse("screens:report", args=[pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = _run(self.kwargs["pk"])
        report = selectors.get_report_state(run.id)
        is_ready = report is not None and report.status == Report.Status.READY
        return super().get_context_data(
            title=f"Evidently's report: {run.monitor.name}",
            trail=_trail(run),
            run=run,
            zone=zone_of(run.monitor),
            report=report,
            is_building=report is not None and report.status == Report.Status.BUILDING,
            can_be_made=run.status == DetectionRun.Status.SUCCEEDED and bool(run.rows),
            **(_comparison(run, report) if report is not None and is_ready else {}),
            **kwargs,
        )


def _run(run_id: UUID) -> DetectionRun:
    runs = DetectionRun.objects.select_related("monitor").defer("inline_data")
    return get_object_or_404(runs, id=run_id)


def _trail(run: DetectionRun) -> list[Crumb]:
    zone, monitor = zone_of(run.monitor), run.monitor
    window = window_text(run.window_start.astimezone(zone), run.window_end.astimezone(zone))
    return [
        Crumb("Runs", reverse("admin:detections_detectionrun_changelist")),
        Crumb(monitor.name, reverse("screens:monitor", args=[monitor.id])),
        Crumb(window, reverse("screens:run", args=[run.id])),
        Crumb("Evidently's report"),
    ]


def _comparison(run: DetectionRun, report: Report) -> dict[str, Any]:
    """Both verdicts, in words and feature by feature."""
    figures, features = (
        read_figures(report.summary),
        get_run_profile(run, most=ALL_FEATURES)["features"],
    )
    rows = _compared(run, figures, features)
    return {
        "figures": figures,
        "is_hidden": shows_sensitive(report, run),
        "rows": rows,
        "disagreed": [row for row in rows if not row.is_agreed],
        "ours": _our_words(run, features),
        "theirs": _their_words(figures),
    }


def _compared(
    run: DetectionRun, figures: ReportFigures, features: Sequence[Shown]
) -> list[Compared]:
    """All features, those first about which the two do not agree."""
    columns = {each.feature: each for each in figures.columns}
    rows = [_row(run, feature, columns.pop(feature["feature"], None)) for feature in features]
    rows += [_without_ours(each) for each in columns.values()]
    return sorted(rows, key=lambda row: row.is_agreed)


def _row(run: DetectionRun, feature: Shown, column: ColumnFigures | None) -> Compared:
    methods = sorted(feature["methods"], key=lambda each: -(each["effect_ratio"] or 0.0))
    first: Shown = methods[0] if methods else NO_METHOD
    name = feature["feature"]
    return Compared(
        feature=name,
        href=feature_address(run.monitor_id, name, run.id),
        verdict=feature["verdict"] or "",
        method=first["method"],
        effect=first["effect_size"],
        tolerance=first["tolerance"],
        column=column,
    )


def _without_ours(column: ColumnFigures) -> Compared:
    return Compared(column.feature, "", "", "", None, None, column)


def _our_words(run: DetectionRun, features: Sequence[Shown]) -> str:
    drifted = sum(each["verdict"] == Verdict.DRIFT for each in features)
    verdict = run.verdict.replace("_", " ")
    if not features:
        return f"We say {verdict}."
    return f"We say {verdict}: {drifted} of {counted(len(features), 'feature')} drifted."


def _their_words(figures: ReportFigures) -> str:
    verb = "drift" if figures.is_drifted else "no drift"
    found = f"{figures.drifted} of {counted(len(figures.columns), 'column')} drifted"
    return (
        f"Evidently says {verb}: {found} ({share(figures.share)}), "
        f"and its limit is {share(figures.limit)} of the columns."
    )
