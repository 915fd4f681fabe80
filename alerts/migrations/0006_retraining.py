"""Requests to train models again, their rules and deployments; suggestions that are learnt."""

import datetime
import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls

TABLES = (
    "drf_retraining_rules",
    "drf_retraining_requests",
    "drf_deployments",
    "drf_model_mappings",
    "drf_suggestions",
)
REQUESTS = "drf_retraining_requests"


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0005_people"),
        ("detections", "0007_backtest_changes"),
        ("monitors", "0005_jobs"),
        ("tenancy", "0002_quotas"),
    ]

    operations = [
        migrations.CreateModel(
            name="RetrainingRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("model_id", models.UUIDField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("deployed", "Deployed"),
                            ("verifying", "Verifying"),
                            ("effective", "Effective"),
                            ("ineffective", "Ineffective"),
                            ("unverified", "Unverified"),
                            ("expired", "Expired"),
                        ],
                        default="requested",
                        max_length=12,
                    ),
                ),
                ("reason", models.TextField(help_text="The evidence, in words.")),
                (
                    "evidence",
                    models.JSONField(default=list, help_text="The evidence, for programs."),
                ),
                ("features", models.JSONField(default=list, help_text="The drifted features.")),
                (
                    "window_start",
                    models.DateTimeField(help_text="Start of the first drifted window."),
                ),
                ("window_end", models.DateTimeField(help_text="End of the newest drifted window.")),
                (
                    "suggested_from",
                    models.DateTimeField(help_text="Start of the suggested training range."),
                ),
                ("suggested_to", models.DateTimeField(help_text="Its end, not included.")),
                ("baseline_version", models.PositiveIntegerField(default=0)),
                (
                    "trained_from",
                    models.DateTimeField(
                        help_text="The range the model was trained on.", null=True
                    ),
                ),
                ("trained_to", models.DateTimeField(null=True)),
                ("model_version", models.CharField(blank=True, max_length=200)),
                (
                    "deployed_at",
                    models.DateTimeField(
                        help_text="Since then the new model makes the predictions.", null=True
                    ),
                ),
                (
                    "new_baselines",
                    models.JSONField(
                        default=dict,
                        help_text="The first baseline version of the new model, by monitor.",
                    ),
                ),
                (
                    "old_limits",
                    models.JSONField(
                        default=dict,
                        help_text="What performance had to keep to before, by monitor and metric.",
                    ),
                ),
                ("windows_needed", models.PositiveSmallIntegerField(default=3)),
                (
                    "verified_runs",
                    models.JSONField(
                        default=list, help_text="The runs that were compared with the old limits."
                    ),
                ),
                ("conclusion", models.TextField(blank=True, help_text="The end, in words.")),
                ("deployment_reported_at", models.DateTimeField(null=True)),
                ("verifying_since", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(help_text="When the state ends by itself.")),
                (
                    "released_at",
                    models.DateTimeField(
                        help_text="After an ineffective one: when further requests were allowed.",
                        null=True,
                    ),
                ),
                ("released_by", models.CharField(blank=True, max_length=200)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "alert",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="alerts.alert",
                    ),
                ),
                (
                    "monitor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="monitors.monitor",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="detections.detectionrun",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "db_table": "drf_retraining_requests",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Deployment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("model_id", models.UUIDField()),
                ("trained_from", models.DateTimeField()),
                ("trained_to", models.DateTimeField()),
                ("model_version", models.CharField(blank=True, max_length=200)),
                ("deployed_at", models.DateTimeField()),
                ("reference_data_uri", models.CharField(blank=True, max_length=1000)),
                ("note", models.TextField(blank=True)),
                ("reported_by", models.CharField(max_length=200)),
                (
                    "baselines",
                    models.JSONField(
                        default=dict,
                        help_text="The new baseline version, or the job that makes it, by monitor.",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="alerts.retrainingrequest",
                    ),
                ),
            ],
            options={
                "db_table": "drf_deployments",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="RetrainingRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "model_id",
                    models.UUIDField(help_text="Null: the tenant's other models.", null=True),
                ),
                (
                    "combine",
                    models.CharField(
                        choices=[("any", "Any"), ("all", "All")],
                        default="any",
                        help_text="How many must hold.",
                        max_length=3,
                    ),
                ),
                (
                    "persistence_runs",
                    models.PositiveIntegerField(
                        help_text="Drifted windows of one episode; null: not asked.", null=True
                    ),
                ),
                (
                    "performance",
                    models.BooleanField(
                        default=False, help_text="A measured or estimated loss beyond the limit."
                    ),
                ),
                (
                    "features",
                    models.JSONField(
                        help_text="Features whose drift counts; an empty list means each one.",
                        null=True,
                    ),
                ),
                (
                    "least_severity",
                    models.CharField(
                        choices=[
                            ("info", "info"),
                            ("warning", "warning"),
                            ("critical", "critical"),
                        ],
                        default="critical",
                        max_length=10,
                    ),
                ),
                (
                    "cooldown",
                    models.DurationField(help_text="Null: the service's setting.", null=True),
                ),
                (
                    "shortest_range",
                    models.DurationField(
                        help_text="The shortest training range that is suggested.", null=True
                    ),
                ),
                ("verify_windows", models.PositiveSmallIntegerField(default=3)),
                ("deploy_within", models.DurationField(default=datetime.timedelta(days=30))),
                ("verify_within", models.DurationField(default=datetime.timedelta(days=60))),
                ("changed_by", models.CharField(max_length=200)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "db_table": "drf_retraining_rules",
                "ordering": ["created_at"],
            },
        ),
        migrations.CreateModel(
            name="Suggestion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("testing", "Testing"),
                            ("offered", "Offered"),
                            ("refused", "Refused"),
                            ("accepted", "Accepted"),
                            ("superseded", "Superseded"),
                        ],
                        default="testing",
                        max_length=10,
                    ),
                ),
                ("method", models.CharField(max_length=40)),
                ("feature", models.CharField(max_length=200)),
                ("tolerance", models.FloatField()),
                (
                    "tolerance_before",
                    models.FloatField(help_text="Null: it was the usual one.", null=True),
                ),
                ("summary", models.TextField()),
                (
                    "counts",
                    models.JSONField(
                        default=dict, help_text="The alerts by reason that it rests on."
                    ),
                ),
                (
                    "hidden",
                    models.JSONField(
                        default=list, help_text="The alerts that it would have hidden."
                    ),
                ),
                ("reason", models.TextField(blank=True, help_text="Why it is refused.")),
                ("requested_by", models.CharField(max_length=200)),
                ("accepted_by", models.CharField(blank=True, max_length=200)),
                ("accepted_at", models.DateTimeField(null=True)),
                (
                    "backtest",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="detections.backtest",
                    ),
                ),
                (
                    "monitor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="monitors.monitor",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "db_table": "drf_suggestions",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ModelMapping",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("registered_model", models.CharField(max_length=256)),
                ("alias", models.CharField(max_length=256)),
                ("model_id", models.UUIDField()),
                ("secret", models.TextField(help_text="Encrypted; shown to no one.")),
                (
                    "training_days",
                    models.PositiveIntegerField(
                        default=90,
                        help_text="The range that is taken where no request suggests one.",
                    ),
                ),
                ("changed_by", models.CharField(max_length=200)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "db_table": "drf_model_mappings",
                "ordering": ["registered_model", "alias"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "registered_model", "alias"),
                        name="model_mapping_once_per_alias",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="retrainingrequest",
            index=models.Index(
                fields=["tenant", "model_id", "-created_at"], name="retraining_request_of_model"
            ),
        ),
        migrations.AddIndex(
            model_name="retrainingrequest",
            index=models.Index(fields=["tenant", "alert"], name="retraining_request_of_alert"),
        ),
        migrations.AddIndex(
            model_name="retrainingrequest",
            index=models.Index(fields=["tenant", "run"], name="retraining_request_of_run"),
        ),
        migrations.AddIndex(
            model_name="retrainingrequest",
            index=models.Index(fields=["tenant", "monitor"], name="retraining_request_of_monitor"),
        ),
        migrations.AddIndex(
            model_name="retrainingrequest",
            index=models.Index(
                condition=models.Q(("status__in", ("deployed", "requested", "verifying"))),
                fields=["expires_at"],
                name="retraining_request_to_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingrequest",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="retraining_request_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ("deployed", "requested", "verifying"))),
                fields=("tenant", "model_id"),
                name="retraining_request_one_open_per_model",
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("finished_at__isnull", True),
                        ("status__in", ("deployed", "requested", "verifying")),
                    ),
                    models.Q(
                        models.Q(
                            ("status__in", ("deployed", "requested", "verifying")), _negated=True
                        ),
                        ("finished_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="retraining_request_finished_at_its_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("suggested_from__lt", models.F("suggested_to"))),
                name="retraining_request_range_ordered",
            ),
        ),
        migrations.AddIndex(
            model_name="deployment",
            index=models.Index(fields=["tenant", "request"], name="deployment_of_request"),
        ),
        migrations.AddConstraint(
            model_name="deployment",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="deployment_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="deployment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("model_version", ""), _negated=True),
                fields=("tenant", "model_id", "model_version"),
                name="deployment_once_per_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="deployment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("model_version", "")),
                fields=("tenant", "model_id", "trained_from", "trained_to"),
                name="deployment_once_per_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="deployment",
            constraint=models.CheckConstraint(
                condition=models.Q(("trained_from__lt", models.F("trained_to"))),
                name="deployment_range_ordered",
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingrule",
            constraint=models.UniqueConstraint(
                fields=("tenant", "model_id"),
                name="retraining_rule_once_per_model",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="retrainingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("persistence_runs__isnull", False),
                    ("performance", True),
                    ("features__isnull", False),
                    _connector="OR",
                ),
                name="retraining_rule_has_evidence",
            ),
        ),
        migrations.AddIndex(
            model_name="suggestion",
            index=models.Index(fields=["tenant", "monitor"], name="suggestion_of_monitor"),
        ),
        migrations.AddIndex(
            model_name="suggestion",
            index=models.Index(fields=["tenant", "backtest"], name="suggestion_of_backtest"),
        ),
        migrations.AddConstraint(
            model_name="suggestion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["testing", "offered"])),
                fields=("tenant", "monitor", "method", "feature"),
                name="suggestion_one_open_per_feature",
            ),
        ),
        *(rls.enable_tenant_rls(table) for table in TABLES),
        rls.tenant_foreign_key(REQUESTS, "monitor_id", "drf_monitors"),
        rls.tenant_foreign_key(REQUESTS, "alert_id", "drf_alerts", on_delete="SET NULL (alert_id)"),
        rls.tenant_foreign_key(REQUESTS, "run_id", "drf_runs", on_delete="SET NULL (run_id)"),
        rls.tenant_foreign_key(
            "drf_deployments", "request_id", REQUESTS, on_delete="SET NULL (request_id)"
        ),
        rls.tenant_foreign_key("drf_suggestions", "monitor_id", "drf_monitors"),
        rls.tenant_foreign_key(
            "drf_suggestions",
            "backtest_id",
            "drf_backtests",
            on_delete="SET NULL (backtest_id)",
        ),
        # The reconciler ends requests whose time is over; it reads nothing that a person wrote.
        rls.grant(
            "SELECT (id, tenant_id, status, expires_at), "
            "UPDATE (status, conclusion, finished_at, updated_at)",
            REQUESTS,
            rls.SCHEDULER,
        ),
        rls.policy("retraining_reconciler_reads", REQUESTS, to=rls.SCHEDULER, using="true"),
        rls.policy(
            "retraining_reconciler_ends", REQUESTS, command="UPDATE", to=rls.SCHEDULER, using="true"
        ),
    ]
