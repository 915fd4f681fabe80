from django_filters import rest_framework as filters

from alerts.models import RetrainingRequest


class RetrainingRequestFilter(filters.FilterSet):
    model_id = filters.UUIDFilter()
    status = filters.ChoiceFilter(choices=RetrainingRequest.State.choices)

    class Meta:
        model = RetrainingRequest
        fields: list[str] = []
