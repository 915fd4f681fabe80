import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("monitors", "0001_initial"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="DetectionRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "trigger",
                    models.CharField(
                        choices=[
                            ("schedule", "Schedule"),
                            ("manual", "Manual"),
                            ("backfill", "Backfill"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "scheduled_for",
                    models.DateTimeField(help_text="The tick, computed where it fired."),
                ),
                ("window_start", models.DateTimeField()),
                ("window_end", models.DateTimeField()),
                (
                    "inline_data",
                    models.BinaryField(
                        help_text="Rows sent with the request, instead of a window.", null=True
                    ),
                ),
                ("idempotency_key", models.CharField(blank=True, max_length=200)),
                ("request_hash", models.CharField(blank=True, max_length=64)),
                ("requested_by", models.CharField(blank=True, max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("not_before", models.DateTimeField(null=True)),
                (
                    "enqueued_at",
                    models.DateTimeField(help_text="When a wake-up was last sent.", null=True),
                ),
                ("lease_token", models.UUIDField(null=True)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                ("worker", models.CharField(blank=True, max_length=200)),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("ok", "ok"),
                            ("drift", "drift"),
                            ("insufficient_data", "insufficient_data"),
                            ("no_data", "no_data"),
                            ("error", "error"),
                        ],
                        max_length=20,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("rows", models.PositiveBigIntegerField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "baseline",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="monitors.baseline",
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
                "db_table": "drf_runs",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Detection",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "detection_type",
                    models.CharField(
                        choices=[("statistical", "Statistical")],
                        default="statistical",
                        max_length=20,
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[("ks", "ks"), ("psi", "psi"), ("chi_squared", "chi_squared")],
                        max_length=20,
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("ok", "ok"),
                            ("drift", "drift"),
                            ("insufficient_data", "insufficient_data"),
                            ("no_data", "no_data"),
                            ("error", "error"),
                        ],
                        max_length=20,
                    ),
                ),
                ("is_drifted", models.BooleanField()),
                (
                    "severity",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("info", "info"),
                            ("warning", "warning"),
                            ("critical", "critical"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "worst_feature",
                    models.CharField(
                        blank=True, help_text="The one with the largest effect.", max_length=200
                    ),
                ),
                (
                    "statistic",
                    models.FloatField(
                        help_text="Of the worst feature, as are the next three.", null=True
                    ),
                ),
                ("p_value", models.FloatField(null=True)),
                ("effect_size", models.FloatField(null=True)),
                (
                    "threshold",
                    models.FloatField(
                        help_text="A significance level for KS and chi-squared, an index for PSI.",
                        null=True,
                    ),
                ),
                ("window_start", models.DateTimeField()),
                ("window_end", models.DateTimeField()),
                ("details", models.JSONField(default=list)),
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
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="detections",
                        to="detections.detectionrun",
                    ),
                ),
            ],
            options={
                "db_table": "drf_detections",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Report",
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
                            ("building", "Building"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                        ],
                        default="building",
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("html", models.TextField(blank=True)),
                ("summary", models.JSONField(default=dict)),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("reference_rows", models.PositiveIntegerField(default=0)),
                ("current_rows", models.PositiveIntegerField(default=0)),
                ("built_at", models.DateTimeField(null=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="reports",
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
                "db_table": "drf_reports",
                "ordering": ["-created_at"],
            },
        ),
        migrations.AddIndex(
            model_name="detectionrun",
            index=models.Index(fields=["tenant", "-created_at", "-id"], name="run_newest"),
        ),
        migrations.AddIndex(
            model_name="detectionrun",
            index=models.Index(
                fields=["tenant", "monitor", "-created_at", "-id"], name="run_newest_of_monitor"
            ),
        ),
        migrations.AddIndex(
            model_name="detectionrun",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "running"])),
                fields=["created_at"],
                name="run_unfinished",
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrun",
            constraint=models.UniqueConstraint(fields=("tenant", "id"), name="run_tenant_identity"),
        ),
        migrations.AddConstraint(
            model_name="detectionrun",
            constraint=models.UniqueConstraint(
                fields=("tenant", "monitor", "scheduled_for"), name="run_once_per_tick"
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key", ""), _negated=True),
                fields=("tenant", "monitor", "idempotency_key"),
                name="run_once_per_request",
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("window_start__lt", models.F("window_end"))),
                name="run_window_ordered",
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("lease_expires_at__isnull", False),
                        ("lease_token__isnull", False),
                        ("status", "running"),
                    ),
                    models.Q(
                        models.Q(("status", "running"), _negated=True),
                        ("lease_expires_at__isnull", True),
                        ("lease_token__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="run_is_leased_while_running",
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("finished_at__isnull", True),
                        ("status__in", ["queued", "running"]),
                        ("verdict", ""),
                    ),
                    models.Q(
                        ("finished_at__isnull", False),
                        ("status__in", ["succeeded", "failed"]),
                        models.Q(("verdict", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="run_ends_with_a_verdict",
            ),
        ),
        migrations.AddIndex(
            model_name="detection",
            index=models.Index(fields=["tenant", "-created_at", "-id"], name="detection_newest"),
        ),
        migrations.AddIndex(
            model_name="detection",
            index=models.Index(
                fields=["tenant", "monitor", "-created_at", "-id"],
                name="detection_newest_of_monitor",
            ),
        ),
        migrations.AddConstraint(
            model_name="detection",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="detection_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="detection",
            constraint=models.UniqueConstraint(
                fields=("tenant", "run", "method"), name="detection_once_per_run_and_method"
            ),
        ),
        migrations.AddConstraint(
            model_name="detection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("is_drifted", True), ("verdict", "drift")),
                    models.Q(("is_drifted", False), models.Q(("verdict", "drift"), _negated=True)),
                    _connector="OR",
                ),
                name="detection_drift_is_a_verdict",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                fields=("tenant", "run"), name="report_once_per_run"
            ),
        ),
        migrations.AddIndex(
            model_name="detectionrun",
            index=models.Index(
                fields=["tenant", "monitor", "-finished_at"], name="run_finished_of_monitor"
            ),
        ),
        migrations.AddIndex(
            model_name="detectionrun",
            index=models.Index(fields=["tenant", "baseline"], name="run_of_baseline"),
        ),
        rls.enable_tenant_rls("drf_runs"),
        rls.enable_tenant_rls("drf_detections"),
        rls.enable_tenant_rls("drf_reports"),
        rls.tenant_foreign_key("drf_runs", "monitor_id", "drf_monitors"),
        rls.tenant_foreign_key("drf_runs", "baseline_id", "drf_baselines"),
        rls.tenant_foreign_key("drf_detections", "run_id", "drf_runs"),
        rls.tenant_foreign_key("drf_detections", "monitor_id", "drf_monitors"),
        rls.tenant_foreign_key("drf_reports", "run_id", "drf_runs"),
        # What beat and the reconciler need of every tenant's runs; not what these read or found.
        rls.grant(
            "INSERT, SELECT (id, tenant_id, monitor_id, scheduled_for, status, attempt, not_before, enqueued_at, "
            "lease_expires_at, created_at), UPDATE (status, verdict, reason, not_before, enqueued_at, lease_token, "
            "lease_expires_at, finished_at)",
            "drf_runs",
            rls.SCHEDULER,
        ),
        rls.policy("run_reconciler_reads", "drf_runs", to=rls.SCHEDULER, using="true"),
        rls.policy(
            "run_reconciler_returns", "drf_runs", command="UPDATE", to=rls.SCHEDULER, using="true"
        ),
    ]
