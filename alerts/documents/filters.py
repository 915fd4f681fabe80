from django_filters import rest_framework as filters

from alerts.models import Document
from drift_detector.api.filters import TextFilter


class DocumentFilter(filters.FilterSet):
    name = TextFilter()

    class Meta:
        model = Document
        fields = ["model_id"]
