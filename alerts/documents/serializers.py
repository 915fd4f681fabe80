"""Serializes applied documents, and what an apply would do."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts.documents.document_plans import ACTIONS, DocumentPlan, FieldChange, ObjectPlan
from alerts.documents.services import Applied
from alerts.models import Document

ANY_VALUE: dict[str, Any] = {"nullable": True, "description": "Any value of JSON."}


class DocumentSummarySerializer(serializers.ModelSerializer[Document]):
    monitors = serializers.IntegerField(source="monitor_count", help_text="That it owns.")

    class Meta:
        model = Document
        fields = [
            "id", "name", "model_id", "content_hash", "monitors", "applied_at", "applied_by", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


@extend_schema_field(ANY_VALUE)
class ValueField(serializers.Field[Any, Any, Any, Any]):
    """A value of JSON, as it is."""

    def to_representation(self, value: Any) -> Any:
        return value


class FieldChangeSerializer(serializers.Serializer[FieldChange]):
    field = serializers.CharField()
    before = ValueField(help_text="Null for what is new.")
    after = ValueField()


class ObjectPlanSerializer(serializers.Serializer[ObjectPlan]):
    place = serializers.CharField(
        help_text="In the document, such as monitors[2]; empty for what it no longer names."
    )
    name = serializers.CharField()
    id = serializers.UUIDField(source="object_id", allow_null=True, help_text="Null for a new one.")
    action = serializers.ChoiceField(ACTIONS)
    changes = FieldChangeSerializer(many=True, help_text="From what is to what the document says.")
    edited_by_hand = FieldChangeSerializer(many=True, help_text="From what was applied to what is.")
    reason = serializers.CharField(help_text="Why it is refused; else empty.")


class DocumentPlanSerializer(serializers.Serializer[DocumentPlan]):
    name = serializers.CharField()
    model_id = serializers.UUIDField()
    content_hash = serializers.CharField(
        help_text="SHA-256 of all settings, with their defaults and without the document's name."
    )
    plan_hash = serializers.CharField(help_text="For `expected` of an apply.")
    is_changed = serializers.BooleanField(help_text="False if an apply would change nothing.")
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Objects by their action."
    )
    monitors = ObjectPlanSerializer(many=True)
    budget = ObjectPlanSerializer(allow_null=True)


class AppliedSerializer(serializers.Serializer[Applied]):
    document_id = serializers.UUIDField(source="document.id")
    plan = DocumentPlanSerializer(help_text="What was done.")
    retired = serializers.ListField(
        child=serializers.UUIDField(),
        help_text="Monitors that are off the schedule, as the document no longer names them; delete them.",
    )
