"""Checks documents by the checks of the API's monitors, and shows monitors as documents name them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self
from uuid import UUID

from rest_framework import serializers

from alerts.budgets.serializers import BudgetRequestSerializer
from alerts.documents.canonical_json import hash_of
from alerts.models.monitor_documents import LONGEST_DOCUMENT_NAME
from drift_detector.api.fields import IdField, IntegerField, TextField
from drift_detector.api.serializers import KnownFieldsMixin
from monitors.models import FIELD_GROUPS, Monitor
from monitors.serializers import MonitorSerializer

VERSION = 1
MOST_MONITORS = 1_000
OF_DOCUMENT = "model_id"
"""The field that a document says once for all its monitors."""
MONITOR_FIELDS = tuple(name for name in chain(*FIELD_GROUPS.values()) if name != OF_DOCUMENT)
NEEDED_FIELDS = ("name", "reference_data_uri", "current_data_uri")
"""The fields without a default."""

type Settings = dict[str, Any]
"""All fields of a monitor as JSON."""


class DocumentMonitorSerializer(MonitorSerializer):
    effective_methods = None  # type: ignore[assignment]  # so DRF drops a field that is inherited
    baseline = None  # type: ignore[assignment]

    class Meta:
        model = Monitor
        fields = [*MONITOR_FIELDS]


class DocumentSerializer(KnownFieldsMixin, serializers.Serializer[dict[str, Any]]):
    version = IntegerField(
        min_value=VERSION, max_value=VERSION, help_text="The form of the document."
    )
    name = TextField(
        max_length=LONGEST_DOCUMENT_NAME,
        help_text="The document's own name; the tenant has it once.",
    )
    model_id = IdField(help_text="The deployed model that all its monitors watch.")
    monitors = DocumentMonitorSerializer(many=True, max_length=MOST_MONITORS)  # type: ignore[call-arg]  # of the list
    budget = BudgetRequestSerializer(
        required=False, help_text="The false-alarm budget of the model; without, it has none."
    )

    def validate_monitors(self, monitors: list[dict[str, Any]]) -> list[dict[str, Any]]:
        first: dict[str, int] = {}
        for place, each in enumerate(monitors):
            earlier = first.setdefault(each["name"], place)
            if earlier != place:
                reason = f"name must be unique; monitors[{earlier}] is {each['name']!r}, too."
                raise serializers.ValidationError({place: {"name": [reason]}})  # type: ignore[dict-item]
        return monitors


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The checked content of a document.

    Attributes:
        monitors: Unsaved monitors, in the order of the document.
        settings: The settings of each, those with defaults too.
        false_alerts_per_month: The model's budget; None if it shall have none.
    """

    name: str
    model_id: UUID
    monitors: tuple[Monitor, ...]
    settings: tuple[Settings, ...]
    false_alerts_per_month: float | None

    @classmethod
    def of(cls, checked: Mapping[str, Any]) -> Self:
        """The content, from the checked fields."""
        model_id = checked["model_id"]
        monitors = [Monitor(**fields, model_id=model_id) for fields in checked["monitors"]]
        return cls(
            name=checked["name"],
            model_id=model_id,
            monitors=tuple(monitors),
            settings=tuple(settings_of_all(monitors)),
            false_alerts_per_month=checked.get("budget", {}).get("false_alerts_per_month"),
        )

    @property
    def content_hash(self) -> str:
        """The hash of all settings, whatever the document's name and the order of its monitors."""
        ordered = sorted(self.settings, key=lambda each: str(each["name"]))
        budget = self.false_alerts_per_month
        return hash_of({"model_id": self.model_id, "monitors": ordered, "budget": budget})


def read_document(sent: Any) -> Asked:
    """Check a document.

    Raises:
        ValidationError: With the place of each fault, such as `monitors[2].window`.
    """
    serializer = DocumentSerializer(data=sent)
    serializer.is_valid(raise_exception=True)
    return Asked.of(serializer.validated_data)


def settings_of_all(monitors: Iterable[Monitor]) -> list[Settings]:
    """The settings of each monitor, as the API shows them."""
    serializer = DocumentMonitorSerializer()
    return [dict(serializer.to_representation(each)) for each in monitors]


def default_settings() -> Settings:
    """The settings of a monitor of which only the needed fields are stated."""
    serializer = DocumentMonitorSerializer(data=dict.fromkeys(NEEDED_FIELDS, "/"))
    serializer.is_valid(raise_exception=True)
    [settings] = settings_of_all([Monitor(**serializer.validated_data)])
    return settings
