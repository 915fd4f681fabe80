"""Serializes jobs for the API."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from monitors.models import Job


class JobSerializer(serializers.ModelSerializer[Job]):
    answer = serializers.SerializerMethodField(
        help_text="The body of the answer, once it is there: as if the request had waited for it."
    )

    class Meta:
        model = Job
        fields = [
            "id", "kind", "status", "requested_by", "monitor_id", "created_at", "finished_at", "answer_status",
            "answer",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_answer(self, job: Job) -> dict[str, Any] | None:
        return json.loads(job.answer) if job.answer else None
