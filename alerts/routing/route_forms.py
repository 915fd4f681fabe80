"""The forms of routes, silences and maintenance windows; services check and save what is typed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminExpandableTextareaWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from alerts.models import Channel, MaintenanceWindow, Route, Silence, Step
from alerts.routing import services
from alerts.routing.matchers import SEVERITIES
from alerts.routing.serializers import DEFAULT_INTERVAL, DEFAULT_WAIT
from alerts.routing.services import MOST_STEPS
from alerts.routing.words import KINDS, WEEKDAYS
from drift_detector.tenancy.service_forms import ServiceForm
from monitors.models import Monitor

ROUTE_FIELDS = (
    "name", "position", "enabled", "continues", "group_wait", "group_interval", "repeat_interval", "digest",
    "digest_at", "digest_weekday", "timezone", "quiet_from", "quiet_until", "quiet_for_critical",
)  # fmt: skip
SILENCE_FIELDS = ("starts_at", "ends_at", "reason")
WINDOW_FIELDS = ("name", "cron", "duration", "timezone", "enabled")
MATCHER_FIELDS = ("severity", "kinds", "monitors", "models", "features")
STEPS = range(1, MOST_STEPS + 1)
ESCALATION_FIELDS = tuple((f"after_{step}", f"channels_{step}") for step in STEPS)
ANY_SEVERITY = ("", "every severity")
LEAST_SEVERITIES = [ANY_SEVERITY, *((each, f"from {each} on") for each in SEVERITIES)]
PLACES = {"escalation": "after_1"}
"""The inputs of fields that are several here."""
ONE_A_LINE = "One a line. Empty: all."


def _after() -> forms.DurationField:
    words = "Without attention: 02:00:00 is two hours."
    return forms.DurationField(
        label="After", required=False, widget=UnfoldAdminTextInputWidget, help_text=words
    )


def _channels(*, label: str = "Also to", required: bool = False) -> Any:
    return forms.ModelMultipleChoiceField(
        label=label,
        queryset=Channel.objects.none(),
        required=required,
        widget=UnfoldAdminSelectMultipleWidget,
    )


class LinesField(forms.CharField):
    """A text of lines, as a list."""

    widget = UnfoldAdminExpandableTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        """The lines as text; what was typed as it is."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """The lines that are not empty."""
        text: str = super().clean(value)
        return [line.strip() for line in text.splitlines() if line.strip()]


class MatchingForm(ServiceForm):
    """A form of a row with matchers, each as a field of its own."""

    saved: Sequence[str] = ()
    """The fields of the row that the service sets; the admin makes a form class of its own from this one."""

    severity = forms.ChoiceField(
        choices=LEAST_SEVERITIES, required=False, widget=UnfoldAdminSelectWidget
    )
    kinds = forms.MultipleChoiceField(
        choices=list(KINDS.items()),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="None: all kinds.",
    )
    monitors = forms.ModelMultipleChoiceField(
        queryset=Monitor.objects.none(),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget,
        help_text="None: all monitors.",
    )
    models = LinesField(required=False, help_text=f"Ids of models. {ONE_A_LINE}")
    features = LinesField(required=False, help_text=f"Names of features. {ONE_A_LINE}")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "monitors" in self.fields:
            self.fields["monitors"].queryset = Monitor.objects.order_by("name")  # type: ignore[attr-defined]
        matchers: Mapping[str, Any] = self.instance.matchers
        chosen = {name: matchers[name] for name in MATCHER_FIELDS if name in matchers}
        self.initial.update(chosen)

    def input_of(self, name: str, reasons: Sequence[str]) -> str:
        """The input beside which an error stands; those of matchers begin with the matcher's name."""
        return reasons[0].split()[0] if name == "matchers" else PLACES.get(name, name)

    def _fields(self, names: Sequence[str]) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in names}

    def matchers(self) -> dict[str, Any]:
        """The choices as matchers; a field that is empty is none."""
        chosen = self._fields(MATCHER_FIELDS)
        chosen["monitors"] = [str(monitor.pk) for monitor in chosen["monitors"]]
        return {name: value for name, value in chosen.items() if value}


class RouteForm(MatchingForm):
    """A route with its channels at once, and those of each step of its escalation."""

    saved = ROUTE_FIELDS
    channels = _channels(label="Channels", required=True)
    after_1, channels_1 = _after(), _channels()
    after_2, channels_2 = _after(), _channels()
    after_3, channels_3 = _after(), _channels()
    after_4, channels_4 = _after(), _channels()
    after_5, channels_5 = _after(), _channels()
    digest_weekday = forms.TypedChoiceField(
        choices=list(enumerate(WEEKDAYS)),
        coerce=int,
        widget=UnfoldAdminSelectWidget,
        help_text="Of a weekly digest.",
    )

    class Meta:
        model = Route
        fields = ROUTE_FIELDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        is_new = self.instance._state.adding
        for number, step in enumerate([] if is_new else self.instance.steps):
            self._set_step(number, step)
        if is_new:
            self.initial.update(group_wait=DEFAULT_WAIT, group_interval=DEFAULT_INTERVAL)
        known = Channel.objects.all()
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelMultipleChoiceField) and name != "monitors":
                field.queryset = known

    def _set_step(self, number: int, step: Step) -> None:
        after, channels = ESCALATION_FIELDS[number - 1] if number else ("", "channels")
        self.initial[channels] = list(step.channels)
        if after:
            self.initial[after] = step.after

    def clean(self) -> dict[str, Any]:
        for after, channels in ESCALATION_FIELDS:
            self._check_step(after, channels)
        return super().clean()

    def _check_step(self, after: str, channels: str) -> None:
        """A step needs both its time and its channels."""
        time, chosen = self.cleaned_data.get(after), self.cleaned_data.get(channels)
        if time is not None and not chosen and channels not in self.errors:
            self.add_error(channels, "A step of the escalation needs channels.")
        if chosen and time is None and after not in self.errors:
            self.add_error(after, "A step of the escalation needs a time.")

    def save_row(self) -> Route:
        is_new = self.instance._state.adding
        route = services.new_route(by=self.by) if is_new else Route.objects.get(id=self.instance.id)
        fields = self._fields(self.saved) | {"matchers": self.matchers()}
        return services.save_route(route, steps=list(self._steps()), fields=fields)

    def _steps(self) -> Iterator[Step]:
        yield Step(timedelta(0), _ids(self.cleaned_data["channels"]))
        for after, channels in ESCALATION_FIELDS:
            if self.cleaned_data[after] is not None:
                yield Step(self.cleaned_data[after], _ids(self.cleaned_data[channels]))


def _ids(channels: Sequence[Channel]) -> list[UUID]:
    return [channel.id for channel in channels]


class SilenceForm(MatchingForm):
    saved = SILENCE_FIELDS

    class Meta:
        model = Silence
        fields = SILENCE_FIELDS

    def save_row(self) -> Silence:
        is_new = self.instance._state.adding
        kept = (
            services.new_silence(by=self.by) if is_new else Silence.objects.get(id=self.instance.id)
        )
        fields = self._fields(self.saved) | {"matchers": self.matchers()}
        return services.save_silence(kept, fields=fields)


class MaintenanceWindowForm(MatchingForm):
    saved = WINDOW_FIELDS

    class Meta:
        model = MaintenanceWindow
        fields = WINDOW_FIELDS

    def save_row(self) -> MaintenanceWindow:
        is_new = self.instance._state.adding
        windows = MaintenanceWindow.objects
        kept = services.new_window(by=self.by) if is_new else windows.get(id=self.instance.id)
        fields = self._fields(self.saved) | {"matchers": self.matchers()}
        return services.save_window(kept, fields=fields)
