"""Serializes retraining requests, rules, deployments and mappings for the API."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts.models import (
    SEVERITIES,
    Deployment,
    ModelMapping,
    RetrainingRequest,
    RetrainingRule,
)
from drift_detector.api.fields import (
    IdField,
    InstantField,
    IntegerField,
    IsoDurationField,
    TextField,
    TruthField,
)
from drift_detector.api.serializers import KnownFieldsMixin
from monitors.models import Monitor
from monitors.setting_fields import LocationField

LONGEST_TIME = timedelta(days=3650)
MOST_WINDOWS = 1000
MOST_FEATURES = 2000
SHORTEST_SECRET = 16


class RetrainingRequestSerializer(serializers.ModelSerializer[RetrainingRequest]):
    evidence = serializers.ListField(child=serializers.DictField(), read_only=True)
    features = serializers.ListField(child=serializers.CharField(), read_only=True)
    new_baselines = serializers.DictField(
        read_only=True, help_text="The first baseline version of the new model, by monitor."
    )
    old_limits = serializers.DictField(
        read_only=True, help_text="What performance had to keep to before, by monitor and metric."
    )
    verified_runs = serializers.ListField(
        child=serializers.DictField(),
        read_only=True,
        help_text="The runs that were compared with the old limits.",
    )

    class Meta:
        model = RetrainingRequest
        fields = [
            "id", "model_id", "monitor_id", "alert_id", "run_id", "status", "reason", "evidence", "features",
            "window_start", "window_end", "suggested_from", "suggested_to", "baseline_version", "created_at",
            "trained_from", "trained_to", "model_version", "deployed_at", "deployment_reported_at", "new_baselines",
            "old_limits", "windows_needed", "verified_runs", "verifying_since", "conclusion", "finished_at",
            "expires_at", "released_at", "released_by",
        ]  # fmt: skip
        read_only_fields = fields


def _check_duration(value: timedelta | None) -> timedelta | None:
    if value is not None and not timedelta(0) <= value <= LONGEST_TIME:
        raise serializers.ValidationError("Must be at most P3650D.")
    return value


def _check_positive(value: timedelta | None) -> timedelta | None:
    if value is not None and not value:
        raise serializers.ValidationError("Must be longer than no time.")
    return _check_duration(value)


class RetrainingRuleSerializer(KnownFieldsMixin, serializers.Serializer[Any]):
    set_for = serializers.SerializerMethodField(
        help_text="model, tenant or installation: whose rule it is."
    )
    combine = serializers.ChoiceField(
        RetrainingRule.Combine.choices, default="any", help_text="How many parts must hold."
    )
    persistence_runs = IntegerField(
        default=None,
        allow_null=True,
        min_value=1,
        max_value=MOST_WINDOWS,
        help_text="Drifted windows of one episode; null: not asked.",
    )
    performance = TruthField(
        default=False, help_text="A measured or estimated loss beyond the limit."
    )
    features = serializers.ListField(
        child=TextField(max_length=200, trim_whitespace=False),
        default=None,
        allow_null=True,
        max_length=MOST_FEATURES,
        help_text="Features whose drift counts; an empty list means each one; null: not asked.",
    )
    least_severity = serializers.ChoiceField(
        SEVERITIES, default="critical", help_text="The least severity of such a drift."
    )
    cooldown = IsoDurationField(
        default=None,
        allow_null=True,
        help_text="The rest between two requests for a model; null: the service's setting.",
    )
    shortest_range = IsoDurationField(
        default=None,
        allow_null=True,
        help_text="The shortest training range that is suggested.",
    )
    verify_windows = IntegerField(
        default=3, min_value=1, max_value=100, help_text="Windows that decide about a new model."
    )
    deploy_within = IsoDurationField(
        default=timedelta(days=30), help_text="Then a request without a deployment expires."
    )
    verify_within = IsoDurationField(
        default=timedelta(days=60),
        help_text="Then a request that no window decided ends unverified.",
    )
    changed_by = serializers.CharField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True, allow_null=True)

    validate_cooldown = staticmethod(_check_duration)
    validate_shortest_range = staticmethod(_check_positive)
    validate_deploy_within = staticmethod(_check_positive)
    validate_verify_within = staticmethod(_check_positive)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        asked = (attrs["persistence_runs"], attrs["performance"] or None, attrs["features"])
        if all(part is None for part in asked):
            reason = "A rule needs evidence: persistence_runs, performance or features."
            raise serializers.ValidationError({"persistence_runs": reason})
        return attrs

    @extend_schema_field({"type": "string", "enum": ["model", "tenant", "installation"]})
    def get_set_for(self, rule: RetrainingRule) -> str:
        if rule._state.adding:
            return "installation"
        return "model" if rule.model_id else "tenant"


class NewModelSerializer(KnownFieldsMixin, serializers.Serializer[Any]):
    trained_from = InstantField(help_text="The start of the training range.")
    trained_to = InstantField(help_text="Its end, not included.")
    deployed_at = InstantField(
        required=False, help_text="Since then the new model makes the predictions; now by default."
    )
    model_version = TextField(default="", allow_blank=True, max_length=200)
    reference_data_uri = LocationField(
        required=False,
        max_length=1000,
        help_text="Where the training range's data is, if not where the reference was.",
    )
    note = TextField(default="", allow_blank=True, max_length=5000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        now = timezone.now()
        attrs.setdefault("deployed_at", now)
        for name in ("trained_from", "trained_to", "deployed_at"):
            if attrs[name] > now:
                raise serializers.ValidationError({name: f"{name} must not be in the future."})
        if attrs["trained_from"] >= attrs["trained_to"]:
            reason = "trained_to must be after trained_from."
            raise serializers.ValidationError({"trained_to": reason})
        if attrs["deployed_at"] < attrs["trained_to"]:
            reason = "deployed_at must not be before trained_to."
            raise serializers.ValidationError({"deployed_at": reason})
        return attrs


class DeploymentSerializer(serializers.ModelSerializer[Deployment]):
    request_id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="The retraining request that it answers."
    )
    baselines = serializers.DictField(
        read_only=True,
        help_text="The new baseline version of each monitor, and the job that looks at the data first.",
    )

    class Meta:
        model = Deployment
        fields = [
            "id", "model_id", "request_id", "trained_from", "trained_to", "model_version", "deployed_at",
            "reference_data_uri", "note", "reported_by", "baselines", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class ModelMappingSerializer(KnownFieldsMixin, serializers.ModelSerializer[ModelMapping]):
    model_id = IdField(help_text="A model that a monitor watches.")
    secret = TextField(
        write_only=True,
        min_length=SHORTEST_SECRET,
        max_length=500,
        help_text="The secret of the registry's webhook; it is stored encrypted and never shown.",
    )
    training_days = IntegerField(
        default=90,
        min_value=1,
        max_value=3650,
        help_text="The range that is taken where no request suggests one: so many days until now.",
    )

    class Meta:
        model = ModelMapping
        fields = [
            "id", "registered_model", "alias", "model_id", "secret", "training_days", "changed_by", "created_at",
            "updated_at",
        ]  # fmt: skip
        read_only_fields = ["id", "changed_by", "created_at", "updated_at"]

    def validate_model_id(self, model_id: UUID) -> UUID:
        if not Monitor.objects.filter(model_id=model_id).exists():
            raise serializers.ValidationError("model_id must be that of a monitor.")
        return model_id

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        names = {
            name: attrs.get(name, getattr(self.instance, name, None))
            for name in ("registered_model", "alias")
        }
        others = ModelMapping.objects.filter(**names)
        if self.instance is not None:
            others = others.exclude(id=self.instance.id)
        if others.exists():
            raise serializers.ValidationError({"alias": "The alias has a mapping already."})
        return attrs
