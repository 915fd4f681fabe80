from uuid import UUID

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from alerts.models import SEVERITIES, Alert, AlertRun
from alerts.selectors import is_unacknowledged
from algorithms.verdicts import Verdict
from detections.models import DetectionRun
from drift_detector.api.filters import InstantFilter, TextFilter, TruthFilter, existing_row
from monitors.models import Monitor


class AlertFilter(filters.FilterSet):
    monitor = filters.UUIDFilter(field_name="monitor_id")
    monitor_id = existing_row(Monitor, field_name="monitor")
    severity = filters.ChoiceFilter(choices=SEVERITIES)
    kind = filters.ChoiceFilter(choices=Alert.Kind.choices)
    status = filters.ChoiceFilter(choices=Alert.Status.choices)
    phase = filters.ChoiceFilter(choices=Alert.Phase.choices)
    attention = filters.ChoiceFilter(choices=Alert.Attention.choices)
    assignee = TextFilter()
    is_history = TruthFilter()
    acknowledged = TruthFilter(method="waiting", label="False: it waits for a person")
    run = filters.UUIDFilter(method="of_run", label="A run; finds the alerts that it belongs to")
    since = InstantFilter(field_name="created_at", lookup_expr="gte")
    until = InstantFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Alert
        fields: list[str] = []

    def waiting(self, queryset: QuerySet[Alert], name: str, value: bool) -> QuerySet[Alert]:
        return (
            queryset.exclude(is_unacknowledged()) if value else queryset.filter(is_unacknowledged())
        )

    def of_run(self, queryset: QuerySet[Alert], name: str, value: UUID) -> QuerySet[Alert]:
        belongs = Q(id__in=AlertRun.objects.filter(run_id=value).values("alert_id"))
        run = DetectionRun.objects.filter(id=value, verdict=Verdict.DRIFT).first()
        return queryset.filter(belongs if run is None else belongs | _spans(run))


def _spans(run: DetectionRun) -> Q:
    """The alert of the episode that a drifted run of earlier versions, which wrote no relation, is within."""
    return Q(
        kind=_kind_of(run),
        monitor_id=run.monitor_id,
        window_start__lte=run.window_start,
        window_end__gte=run.window_end,
    )


def _kind_of(run: DetectionRun) -> Alert.Kind:
    is_change = run.trigger == DetectionRun.Trigger.OUTCOMES
    return Alert.Kind.CONCEPT if is_change else Alert.Kind.STATISTICAL
