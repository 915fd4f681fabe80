"""Requests to train a model again, the rules for them, and the deployments that answer them."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q

from alerts.models.alerts import SEVERITIES
from alerts.models.retraining_states import OPEN_STATES, State
from drift_detector.tenancy.models import TenantModel, tenant_reference

A_MONTH = timedelta(days=30)


class RetrainingRule(TenantModel):
    """The evidence that asks for retraining: of a model, or of all models of a tenant without a rule of their own."""

    class Combine(models.TextChoices):
        ANY = "any"
        ALL = "all"

    model_id = models.UUIDField(null=True, help_text="Null: the tenant's other models.")
    combine = models.CharField(
        max_length=3, choices=Combine, default=Combine.ANY, help_text="How many must hold."
    )
    persistence_runs = models.PositiveIntegerField(
        null=True, help_text="Drifted windows of one episode; null: not asked."
    )
    performance = models.BooleanField(
        default=False, help_text="A measured or estimated loss beyond the limit."
    )
    features = models.JSONField(
        null=True, help_text="Features whose drift counts; an empty list means each one."
    )
    least_severity = models.CharField(max_length=10, choices=SEVERITIES, default="critical")
    cooldown = models.DurationField(null=True, help_text="Null: the service's setting.")
    shortest_range = models.DurationField(
        null=True, help_text="The shortest training range that is suggested."
    )
    verify_windows = models.PositiveSmallIntegerField(default=3)
    deploy_within = models.DurationField(default=A_MONTH)
    verify_within = models.DurationField(default=2 * A_MONTH)
    changed_by = models.CharField(max_length=200)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_retraining_rules"
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                name="retraining_rule_once_per_model",
                fields=["tenant", "model_id"],
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="retraining_rule_has_evidence",
                condition=Q(persistence_runs__isnull=False)
                | Q(performance=True)
                | Q(features__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"rule of {self.model_id or 'the tenant'}"


class RetrainingRequest(TenantModel):
    """A request to train a model again, from the evidence to the verdict about the new model."""

    State = State

    model_id = models.UUIDField()
    monitor = tenant_reference("monitors.Monitor")
    alert = tenant_reference("alerts.Alert", null=True)
    run = tenant_reference("detections.DetectionRun", null=True)
    status = models.CharField(max_length=12, choices=State, default=State.REQUESTED)
    reason = models.TextField(help_text="The evidence, in words.")
    evidence = models.JSONField(default=list, help_text="The evidence, for programs.")
    features = models.JSONField(default=list, help_text="The drifted features.")
    window_start = models.DateTimeField(help_text="Start of the first drifted window.")
    window_end = models.DateTimeField(help_text="End of the newest drifted window.")
    suggested_from = models.DateTimeField(help_text="Start of the suggested training range.")
    suggested_to = models.DateTimeField(help_text="Its end, not included.")
    baseline_version = models.PositiveIntegerField(default=0)

    trained_from = models.DateTimeField(null=True, help_text="The range the model was trained on.")
    trained_to = models.DateTimeField(null=True)
    model_version = models.CharField(max_length=200, blank=True)
    deployed_at = models.DateTimeField(
        null=True, help_text="Since then the new model makes the predictions."
    )
    new_baselines = models.JSONField(
        default=dict, help_text="The first baseline version of the new model, by monitor."
    )
    old_limits = models.JSONField(
        default=dict, help_text="What performance had to keep to before, by monitor and metric."
    )
    windows_needed = models.PositiveSmallIntegerField(default=3)
    verified_runs = models.JSONField(
        default=list, help_text="The runs that were compared with the old limits."
    )
    conclusion = models.TextField(blank=True, help_text="The end, in words.")

    deployment_reported_at = models.DateTimeField(null=True)
    verifying_since = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(help_text="When the state ends by itself.")
    released_at = models.DateTimeField(
        null=True, help_text="After an ineffective one: when further requests were allowed."
    )
    released_by = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_retraining_requests"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("retraining_request"),
            models.UniqueConstraint(
                name="retraining_request_one_open_per_model",
                fields=["tenant", "model_id"],
                condition=Q(status__in=OPEN_STATES),
            ),
            models.CheckConstraint(
                name="retraining_request_finished_at_its_end",
                condition=Q(status__in=OPEN_STATES, finished_at__isnull=True)
                | (~Q(status__in=OPEN_STATES) & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="retraining_request_range_ordered",
                condition=Q(suggested_from__lt=F("suggested_to")),
            ),
        ]
        indexes = [
            models.Index(
                name="retraining_request_of_model", fields=["tenant", "model_id", "-created_at"]
            ),
            models.Index(name="retraining_request_of_alert", fields=["tenant", "alert"]),
            models.Index(name="retraining_request_of_run", fields=["tenant", "run"]),
            models.Index(name="retraining_request_of_monitor", fields=["tenant", "monitor"]),
            models.Index(
                name="retraining_request_to_end",
                fields=["expires_at"],
                condition=Q(status__in=OPEN_STATES),
            ),
        ]

    def __str__(self) -> str:
        return f"retraining of {self.model_id} ({self.status})"


class Deployment(TenantModel):
    """A model that was trained again and deployed, as its pipeline reported it."""

    model_id = models.UUIDField()
    request = tenant_reference("alerts.RetrainingRequest", null=True)
    trained_from = models.DateTimeField()
    trained_to = models.DateTimeField()
    model_version = models.CharField(max_length=200, blank=True)
    deployed_at = models.DateTimeField()
    reference_data_uri = models.CharField(max_length=1000, blank=True)
    note = models.TextField(blank=True)
    reported_by = models.CharField(max_length=200)
    baselines = models.JSONField(
        default=dict, help_text="The new baseline version, or the job that makes it, by monitor."
    )

    class Meta:
        db_table = "drf_deployments"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("deployment"),
            models.UniqueConstraint(
                name="deployment_once_per_version",
                fields=["tenant", "model_id", "model_version"],
                condition=~Q(model_version=""),
            ),
            models.UniqueConstraint(
                name="deployment_once_per_range",
                fields=["tenant", "model_id", "trained_from", "trained_to"],
                condition=Q(model_version=""),
            ),
            models.CheckConstraint(
                name="deployment_range_ordered", condition=Q(trained_from__lt=F("trained_to"))
            ),
        ]
        indexes = [models.Index(name="deployment_of_request", fields=["tenant", "request"])]

    def __str__(self) -> str:
        return f"{self.model_id} {self.model_version}".strip()


class ModelMapping(TenantModel):
    """The model that a registered model's alias stands for, in a registry that sends webhooks."""

    registered_model = models.CharField(max_length=256)
    alias = models.CharField(max_length=256)
    model_id = models.UUIDField()
    secret = models.TextField(help_text="Encrypted; shown to no one.")
    training_days = models.PositiveIntegerField(
        default=90, help_text="The range that is taken where no request suggests one."
    )
    changed_by = models.CharField(max_length=200)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_model_mappings"
        ordering = ["registered_model", "alias"]
        constraints = [
            models.UniqueConstraint(
                name="model_mapping_once_per_alias", fields=["tenant", "registered_model", "alias"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.registered_model}@{self.alias}"
