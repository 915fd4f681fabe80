"""The page of an alert: what drifted, what happened since, and what people do about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from alerts.models import Alert
from alerts.routing.selectors import list_notifications
from alerts.selectors import (
    get_drifted_run,
    get_retraining_request,
    list_alerts,
    list_similar_alerts,
)
from alerts.workflow.bulk import OK, act_on_all
from alerts.workflow.forms import DONE, FORMS
from algorithms.charts.feature_charts import small_distribution_chart
from algorithms.charts.svg import NO_TEXT, Markup
from detections.models import DetectionRun
from detections.outcomes.selectors import get_stream_of_run
from detections.profiles.selectors import ALL_FEATURES, get_run_profile
from detections.runs.details import hide_values
from detections.slice_words import record_in_words
from drift_detector.formats import stored_number
from drift_detector.screens.alert_timeline import list_entries
from drift_detector.screens.fault_words import fault_in_words
from drift_detector.screens.feature_page import feature_address
from drift_detector.screens.screen import Crumb, Screen, zone_of
from drift_detector.screens.stream_charts import stream_chart
from drift_detector.tenancy.admin import actor
from drift_detector.tenancy.models import Scope

MOST_CHARTS = 4
MOST_SIMILAR = 6
MOST_NOTIFICATIONS = 20
KINDS = {
    Alert.Kind.STATISTICAL: "Data drift",
    Alert.Kind.CONCEPT: "Concept drift",
    Alert.Kind.PERFORMANCE: "Worse performance",
    Alert.Kind.HEALTH: "Health",
}
LIVE = (Alert.Phase.OPEN, Alert.Phase.RECOVERING)

type Shown = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedFeature:
    """A feature, or a metric, that drifted in an alert.

    Attributes:
        name: The feature.
        method: The method that sees the drift most clearly.
        effect: Its effect size.
        ratio: The largest effect as a multiple of its tolerance, in the newest drifted window.
        p_value: Of the method, if it has one.
        last_seen: The end of the window in which the drift was last seen.
        href: The feature's page, if the window has a picture of it.
        fault: The fault that explains the drift, as a sentence; empty without one.
    """

    name: str
    method: str
    effect: float | None
    ratio: float | None
    p_value: float | None
    last_seen: datetime | None
    href: str
    fault: str


class AlertPage(Screen):
    scope_to_post = Scope.ALERTS_WRITE
    template_name = "screens/alert.html"

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Do what a form says; a refused one comes back with its reasons."""
        alert, name = _alert(pk), request.POST.get("action", "")
        if name not in FORMS:
            raise Http404(f"There is no action {name!r}.")
        form = _form(name, request.POST)
        if form.is_valid() and _is_done(request, alert, name, form):
            messages.success(request, f"The alert is {DONE[name]}.")
            return HttpResponseRedirect(reverse("screens:alert", args=[pk]))
        return self.render_to_response(self.get_context_data(refused=(name, form)))

    def get_context_data(
        self, *, refused: tuple[str, forms.Form] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        alert = _alert(self.kwargs["pk"])
        run, zone = get_drifted_run(alert), zone_of(alert.monitor)
        context = super().get_context_data(
            title=f"{KINDS[Alert.Kind(alert.kind)]}: {alert.monitor.name}",
            trail=_trail(alert),
            alert=alert,
            zone=zone,
            run=run,
            is_live=alert.phase in LIVE,
            similar=list_similar_alerts(alert, most=MOST_SIMILAR),
            retraining=get_retraining_request(alert),
            notifications=list_notifications().filter(alert_id=alert.id)[:MOST_NOTIFICATIONS],
            entries=list_entries(alert.id),
            **_evidence(alert, run),
            **kwargs,
        )
        actions = _actions(alert, refused) if context["can_operate"] else []
        return context | {"actions": actions}


def _alert(alert_id: UUID) -> Alert:
    found: Alert = get_object_or_404(list_alerts().defer("state"), id=alert_id)
    return found


def _trail(alert: Alert) -> list[Crumb]:
    return [
        Crumb("Alerts", reverse("admin:alerts_alert_changelist")),
        Crumb(alert.monitor.name, reverse("screens:monitor", args=[alert.monitor_id])),
        Crumb(KINDS[Alert.Kind(alert.kind)]),
    ]


def _form(name: str, said: Any = None) -> forms.Form:
    """A form of an action, whose inputs have ids of their own: five forms stand on the page."""
    return FORMS[name](said, auto_id=f"{name}_%s")


def _is_done(request: HttpRequest, alert: Alert, name: str, form: forms.Form) -> bool:
    """Do the action; False if it is refused, and the form says why."""
    try:
        results = act_on_all(
            alert_ids=[alert.id], action=name, by=actor(request), said=form.cleaned_data
        )
    except ValidationError as error:
        form.add_error(None, error)
        return False
    refusals = [result.detail for result in results if result.status != OK]
    for reason in refusals:
        form.add_error(None, reason)
    return not refusals


def _actions(alert: Alert, refused: tuple[str, forms.Form] | None) -> list[dict[str, Any]]:
    """The forms of what the alert's state permits; one that was refused stands open."""
    names = [name for name in FORMS if _is_possible(alert, name)]
    if refused is not None and refused[0] not in names:
        names.append(refused[0])
    return [_action(name, refused) for name in names]


def _action(name: str, refused: tuple[str, forms.Form] | None) -> dict[str, Any]:
    is_refused = refused is not None and refused[0] == name
    form = refused[1] if refused is not None and is_refused else _form(name)
    return {"name": name, "title": name.capitalize(), "form": form, "is_open": is_refused}


def _is_possible(alert: Alert, name: str) -> bool:
    if name == "acknowledge":
        is_seen = alert.attention == Alert.Attention.ACKNOWLEDGED
        return alert.phase != Alert.Phase.PENDING and not is_seen
    return alert.phase in LIVE or name in ("assign", "comment")


def _evidence(alert: Alert, run: DetectionRun | None) -> dict[str, Any]:
    """The subject of the alert: pictures of its features, or the error rate of its stream."""
    features = get_run_profile(run, most=ALL_FEATURES)["features"] if run is not None else []
    pictures = {picture["feature"]: picture for picture in features}
    drifted = _drifted_features(alert, run, pictures)
    is_concept = run is not None and alert.kind == Alert.Kind.CONCEPT
    stream = get_stream_of_run(run.id) if run is not None and is_concept else None
    return {
        "drifted": drifted,
        "pictured": list(_charts(drifted, pictures)),
        "faults": [feature for feature in drifted if feature.fault],
        "causes": alert.cause.get("groups", [])[1:],
        "stream": stream,
        "stream_chart": stream_chart(stream) if stream is not None else NO_TEXT,
    }


def _drifted_features(
    alert: Alert, run: DetectionRun | None, pictures: Mapping[str, Shown]
) -> list[DriftedFeature]:
    """The features of an alert, those with the largest effect for their tolerance first."""
    records = {record_in_words(each): each for each in reversed(alert.drifted_features)}
    found = [_drifted(alert, run, each, pictures.get(name)) for name, each in records.items()]
    return sorted(found, key=_rank)


def _drifted(
    alert: Alert, run: DetectionRun | None, record: Shown, picture: Shown | None
) -> DriftedFeature:
    name, last_seen = record_in_words(record), record.get("window_end")
    has_page = run is not None and picture is not None
    return DriftedFeature(
        name=name,
        method=str(record.get("method", "")),
        effect=stored_number(record.get("effect_size")),
        ratio=picture["effect_ratio"] if picture is not None else None,
        p_value=stored_number(record.get("p_value")),
        last_seen=datetime.fromisoformat(last_seen) if last_seen else None,
        fault=fault_in_words(hide_values([record], alert.monitor.sensitive_features)[0]),
        href=feature_address(alert.monitor_id, name, run.id) if run and has_page else "",
    )


def _rank(feature: DriftedFeature) -> tuple[float, float, str]:
    ratio, effect = feature.ratio, feature.effect
    return -(-1.0 if ratio is None else ratio), -(effect or 0.0), feature.name


def _charts(
    drifted: Sequence[DriftedFeature], pictures: Mapping[str, Shown]
) -> Iterator[tuple[DriftedFeature, Markup]]:
    """The worst features that have a picture, each with its chart."""
    known = [each for each in drifted if each.name in pictures]
    for feature in known[:MOST_CHARTS]:
        chart = small_distribution_chart(pictures[feature.name])
        if chart:
            yield feature, chart
