from django_filters import rest_framework as filters

from alerts.channels.channel_registry import CHANNEL_KINDS
from alerts.models import Channel
from drift_detector.api.filters import TruthFilter


class ChannelFilter(filters.FilterSet):
    kind = filters.ChoiceFilter(choices=[(name, name) for name in CHANNEL_KINDS])
    enabled = TruthFilter(field_name="enabled")

    class Meta:
        model = Channel
        fields: list[str] = []
