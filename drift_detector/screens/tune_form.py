"""The form that tunes a monitor: its fields become the body that `PATCH /monitors/{id}` takes."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from algorithms.concept_drift.detector_registry import ConceptMethod
from algorithms.methods import DEFAULT_METHODS, METHODS, Method
from algorithms.performance import Metric
from drift_detector.screens.reference_form import (
    OF_REFERENCES,
    TimeReferencesForm,
    references_initial,
)
from drift_detector.screens.schedule_form import LAGS, ScheduleForm, keep_choice, schedule_initial
from drift_detector.screens.slices_field import SlicesField
from drift_detector.screens.tune_limits import LimitInputs, read_limits
from monitors.models import (
    LEAST_WEIGHT,
    MOST_RUNS_OF_EPISODE,
    MOST_SEASONAL_WEEKS,
    MOST_WEIGHT,
    Monitor,
)
from monitors.serializers import MonitorSerializer

POLICIES = (
    ("evidence_and_effect", "significant, and above its tolerance"),
    ("threshold", "above the method's threshold"),
)
CATCH_UPS = (
    ("latest", "the latest one only"),
    ("all", "all of them"),
    ("skip", "none of them"),
)
WAYS = (
    ("", "no limit"),
    ("minimum", "at least"),
    ("maximum", "at most"),
    ("relative", "worse than the reference by a share of"),
)
METHOD_CHOICES = tuple((method.value, METHODS[method].title) for method in Method)
DEFAULT_OPENING = {"warning": {"runs": 2, "of": 3}, "critical": {"runs": 1, "of": 1}}
OF_ALERTS = ("warning_runs", "warning_of", "critical_runs", "critical_of")
JUDGEMENT = ("methods", "policy", "min_rows", "seasonal_weeks")
LIMITS = ("tolerances", "thresholds", "importances", "sensitive_features")
FOR_BACKTESTS = (*JUDGEMENT, *OF_REFERENCES, "tolerances", "thresholds", "importances")
"""The fields with which a backtest can judge instead."""

type Fields = dict[str, Any]


def _runs(label: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=1, max_value=MOST_RUNS_OF_EPISODE)


class JudgementForm(TimeReferencesForm):
    """The judgement of windows; the limits themselves are in tables."""

    methods = forms.MultipleChoiceField(choices=METHOD_CHOICES, required=False, label="Methods")
    policy = forms.ChoiceField(choices=POLICIES, label="A feature drifts if its change is")
    min_rows = forms.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        label="Minimum rows",
        help_text="A window with fewer rows is not judged.",
    )
    seasonal_weeks = forms.IntegerField(
        min_value=0,
        max_value=MOST_SEASONAL_WEEKS,
        label="Also compare with this many earlier weeks",
        help_text="0: the baseline alone.",
    )

    def judgement(self) -> Fields:
        """The chosen judgement as the API takes it."""
        cleaned = self.cleaned_data
        ticked = cleaned["methods"]
        is_default = set(ticked) in (set(), {method.value for method in DEFAULT_METHODS})
        return {
            "methods": None if is_default else ticked,
            **{name: cleaned[name] for name in JUDGEMENT[1:]},
            **self.references(),
        }


class TuneForm(JudgementForm, ScheduleForm):
    """All that is tuned but limits and metrics, which have tables."""

    name = forms.CharField(max_length=200, label="Name")
    status = forms.ChoiceField(choices=Monitor.Status.choices, label="Status")
    slices = SlicesField()
    window_lag = forms.ChoiceField(choices=LAGS, label="Data takes to arrive")
    catch_up = forms.ChoiceField(choices=CATCH_UPS, label="After a pause of the service, run")
    warning_runs, warning_of = _runs("Drifted runs"), _runs("of the last")
    critical_runs, critical_of = _runs("Drifted runs"), _runs("of the last")
    resolve_after = _runs("Resolve an alert after this many ok runs")
    budget_weight = forms.FloatField(
        min_value=LEAST_WEIGHT,
        max_value=MOST_WEIGHT,
        label="Weight in the false-alarm budget",
        help_text="2: its runs open alerts at twice the level of a monitor of 1.",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    retraining_enabled = forms.BooleanField(
        required=False, label="Ask for retraining when there is enough evidence"
    )
    concept_methods = forms.MultipleChoiceField(
        choices=[(method.value, method.value) for method in ConceptMethod],
        required=False,
        label="Detectors of the model's errors",
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keep_choice(self, "window_lag")

    def clean(self) -> dict[str, Any]:
        """Check that no rule asks for more runs than it looks at."""
        cleaned = super().clean() or self.cleaned_data
        for severity in DEFAULT_OPENING:
            runs, of = cleaned.get(f"{severity}_runs"), cleaned.get(f"{severity}_of")
            if runs and of and runs > of:
                reason = f"open_after of {severity}: runs must not be greater than of."
                self.add_error(f"{severity}_runs", reason)
        return cleaned

    def body(self) -> Fields:
        """The fields of the form as the API takes them."""
        cleaned = self.cleaned_data
        as_they_are = (
            *("name", "status", "slices", "window_lag", "catch_up"),
            *("resolve_after", "budget_weight", "retraining_enabled", "concept_methods"),
        )
        return {
            **{name: cleaned[name] for name in as_they_are},
            **self.schedule_fields(),
            **self.judgement(),
            "open_after": self._opening(),
        }

    def _opening(self) -> Fields | None:
        cleaned = self.cleaned_data
        chosen = {
            severity: {"runs": cleaned[f"{severity}_runs"], "of": cleaned[f"{severity}_of"]}
            for severity in DEFAULT_OPENING
        }
        return None if chosen == DEFAULT_OPENING else chosen


def initial_of(fields: Mapping[str, Any]) -> Fields:
    """The form's values for fields as the API writes them."""
    opening = DEFAULT_OPENING | (fields["open_after"] or {})
    counts = {
        f"{severity}_{name}": rule[name]
        for severity, rule in opening.items()
        for name in ("runs", "of")
    }
    return {**fields, **schedule_initial(dict(fields)), **counts, **judgement_initial(fields)}


def judgement_initial(fields: Mapping[str, Any]) -> Fields:
    """The values of the judgement's form."""
    defaults = [method.value for method in DEFAULT_METHODS]
    chosen = {name: fields[name] for name in JUDGEMENT} | references_initial(fields)
    return chosen | {"methods": defaults if fields["methods"] is None else fields["methods"]}


def fields_of(monitor: Monitor) -> Fields:
    """The monitor's fields as the API writes them."""
    return dict(MonitorSerializer(monitor).data)


def changes_of(after: Mapping[str, Any], before: Mapping[str, Any]) -> Fields:
    """The fields that a form has changed."""
    return {name: value for name, value in after.items() if value != before[name]}


def performance_rows(fields: Mapping[str, Any], sent: QueryDict | None = None) -> list[Fields]:
    """A row for each metric with its limit, as it stands or as it was sent."""
    rows = []
    for metric in Metric:
        limits: Fields = fields["performance_limits"].get(metric.value, {})
        way, value = next(iter(limits.items()), ("", ""))
        if sent is not None:
            way = sent.get(f"way:{metric.value}", way)
            value = sent.get(f"value:{metric.value}", value)
        rows.append({"metric": metric.value, "way": way, "value": value})
    return rows


def read_performance(sent: QueryDict, before: Mapping[str, Any]) -> tuple[Fields, list[str]]:
    """The limits of metrics that a form leaves, and what is wrong with them."""
    if not any(key.startswith("way:") for key in sent):
        return dict(before["performance_limits"]), []
    limits: Fields = {}
    reasons: list[str] = []
    for row in performance_rows(before, sent):
        if row["way"] not in dict(WAYS) or not row["way"]:
            continue
        try:
            limits[row["metric"]] = {row["way"]: float(str(row["value"]).replace(",", "."))}
        except ValueError:
            reasons.append(f"{row['metric']} must have a number as its limit.")
    return limits, reasons


def read_all(
    form: TuneForm, sent: QueryDict, before: Fields
) -> tuple[Fields, LimitInputs, list[str]]:
    """The changes of a valid form with its tables, the inputs of limits, and what is wrong with metrics."""
    inputs = read_limits(sent, before)
    performance, reasons = read_performance(sent, before)
    after = (
        form.body() | inputs.fields | {"performance_limits": performance} if form.is_valid() else {}
    )
    return changes_of(after, before), inputs, reasons
