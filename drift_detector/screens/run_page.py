"""The page of a run: what it read, how long it took, what each method found, and the pictures of what drifted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from alerts.selectors import list_alerts_of_run
from algorithms.charts.feature_charts import distribution_chart
from algorithms.charts.svg import NO_TEXT, Markup
from algorithms.verdicts import Verdict
from detections.models import DetectionRun
from detections.profiles.selectors import ALL_FEATURES, get_run_profile
from detections.reports import services as reports
from detections.runs.selectors import get_progress, list_detections_of_run, list_runs
from drift_detector.formats import duration
from drift_detector.screens.explanation_part import ask_for_explanation, explanation_of
from drift_detector.screens.feature_page import feature_address
from drift_detector.screens.fragment import Fragment
from drift_detector.screens.run_tables import FeatureRow, FeatureTable, feature_table, list_measured
from drift_detector.screens.run_words import headline_of
from drift_detector.screens.screen import Crumb, Screen, zone_of
from drift_detector.screens.slice_tables import slice_rows
from drift_detector.screens.templatetags.drift import window_text
from drift_detector.tenancy.models import Scope
from monitors.models import Monitor
from monitors.selectors import HEAVY_OF_BASELINES

FEATURES_SHOWN = 40
OPEN_FEATURES = 8
POLL_SECONDS = 2
UNFINISHED = frozenset({DetectionRun.Status.QUEUED, DetectionRun.Status.RUNNING})
PHASES = {
    "load": "Load the monitor and its baseline",
    "open": "Find the files of the window",
    "evaluate": "Read and judge the window",
    "outcomes": "Measure the performance and take new outcomes",
    "support": "Look for evidence against the estimates",
}


class RunPage(Screen):
    scope_to_post = Scope.RUNS_WRITE
    template_name = "screens/run.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = _run_of(self.kwargs["pk"])
        monitor = run.monitor
        detections = list(list_detections_of_run(run.id))
        table = feature_table(detections, monitor.sensitive_features)
        slices = slice_rows(detections, monitor)
        measured = list_measured(detections)
        shows_all = "all" in self.request.GET
        pictures = _pictures_of(run)
        return super().get_context_data(
            title=f"Run of {_window_of(run)}",
            trail=_trail(run),
            run=run,
            monitor=monitor,
            zone=zone_of(monitor),
            is_live=run.status in UNFINISHED,
            progress=get_progress(run),
            poll_seconds=POLL_SECONDS,
            phases=list(phases_of(run)),
            took=run.finished_at - run.started_at if run.finished_at and run.started_at else None,
            files_unnamed=run.files_skipped_count - len(run.files_skipped),
            table=table,
            rows=table.rows if shows_all else table.rows[:FEATURES_SHOWN],
            rows_left=0 if shows_all else max(0, len(table.rows) - FEATURES_SHOWN),
            pictured=pictures.keys(),
            drifted=[_drifted(run, table, row, pictures) for row in table.drifted[:OPEN_FEATURES]],
            drifted_left=max(0, len(table.drifted) - OPEN_FEATURES),
            unjudged=_unjudged(table),
            slices=slices,
            measured=measured,
            needs_labels=any(each.verdict == Verdict.UNSUPPORTED for each in measured),
            headline=headline_of(run, table, measured, slices),
            alerts=list(list_alerts_of_run(run.id)),
            report=run.reports.defer("html", "summary").first(),
            can_report=run.status == DetectionRun.Status.SUCCEEDED and bool(run.rows),
            explanation=explanation_of(run),
            **kwargs,
        )

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """Ask for an explanation, or for Evidently's report."""
        if request.POST.get("do") == "explain":
            if reason := ask_for_explanation(request, _run_of(pk)):
                messages.warning(request, reason)
            return redirect("screens:run", pk)
        try:
            reports.request_report(run=_run_of(pk))
            messages.success(request, "Evidently's report is being made.")
        except reports.NoReport as error:
            messages.warning(request, str(error))
        return redirect("screens:report", pk)


class RunProgress(Fragment):
    """The progress of a live run; when it has ended, the browser shows its page again."""

    template_name = "screens/_run_progress.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = _run_of(self.kwargs["pk"])
        return super().get_context_data(
            run=run,
            zone=zone_of(run.monitor),
            is_live=run.status in UNFINISHED,
            progress=get_progress(run),
            poll_seconds=POLL_SECONDS,
            **kwargs,
        )

    def render_to_response(self, context: dict[str, Any], **options: Any) -> HttpResponse:
        response = super().render_to_response(context, **options)
        if not context["is_live"]:
            response["HX-Refresh"] = "true"
        return response


def _run_of(run_id: UUID) -> DetectionRun:
    return get_object_or_404(
        list_runs().select_related("monitor", "baseline").defer(*_unread()), id=run_id
    )


def _unread() -> list[str]:
    """The columns of a run's baseline that the page does not need."""
    heavy = ("content", *HEAVY_OF_BASELINES)
    return ["inline_data", *(f"baseline__{name}" for name in heavy)]


def _window_of(run: DetectionRun) -> str:
    zone = zone_of(run.monitor)
    return window_text(run.window_start.astimezone(zone), run.window_end.astimezone(zone))


def _trail(run: DetectionRun) -> list[Crumb]:
    monitor: Monitor = run.monitor
    runs = reverse("admin:detections_detectionrun_changelist")
    return [
        Crumb("Monitors", reverse("admin:monitors_monitor_changelist")),
        Crumb(monitor.name, reverse("screens:monitor", args=[monitor.id])),
        Crumb("Runs", f"{runs}?monitor__id__exact={monitor.id}"),
        Crumb(_window_of(run)),
    ]


@dataclass(frozen=True, slots=True)
class Phase:
    """A span of a run's time.

    Attributes:
        name: What happened in it.
        seconds: How long it took.
        share: Of all that is known, from 0 to 1.
    """

    name: str
    seconds: float
    share: float

    @property
    def words(self) -> str:
        """The length for people."""
        return duration(self.seconds)


def phases_of(run: DetectionRun) -> Iterator[Phase]:
    """The phases of a run's evaluation, in their order; none of a run that has none recorded."""
    known: Mapping[str, float] = run.phases or {}
    total = sum(known.values())
    for name, words in PHASES.items():
        if name in known:
            yield Phase(words, known[name], known[name] / total if total else 0.0)


@dataclass(frozen=True, slots=True)
class Drifted:
    """A drifted feature with its distribution."""

    row: FeatureRow
    evidence: Sequence[tuple[str, str]]
    href: str
    chart: Markup


def _pictures_of(run: DetectionRun) -> dict[str, Mapping[str, Any]]:
    """The pictures of a run's window by their features."""
    profile = get_run_profile(run, most=ALL_FEATURES)
    return {each["feature"]: each for each in profile["features"]}


def _drifted(
    run: DetectionRun,
    table: FeatureTable,
    row: FeatureRow,
    pictures: Mapping[str, Mapping[str, Any]],
) -> Drifted:
    """A feature without a picture has no page either."""
    evidence = table.evidence(row)
    if row.name not in pictures:
        return Drifted(row, evidence, "", NO_TEXT)
    page = feature_address(run.monitor_id, row.name, run.id)
    return Drifted(row, evidence, page, distribution_chart(pictures[row.name]))


def _unjudged(table: FeatureTable) -> list[tuple[str, str]]:
    """The reasons why features were not judged, each with the names of its features."""
    names: dict[str, list[str]] = {}
    for row in table.rows:
        for reason in _reasons_unjudged(row):
            names.setdefault(reason, []).append(row.name)
    return [(", ".join(found), reason) for reason, found in names.items()]


def _reasons_unjudged(row: FeatureRow) -> Iterable[str]:
    found = [cell.reason for cell in row.cells if cell is not None and cell.is_unjudged]
    return dict.fromkeys(reason for reason in found if reason)
