import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("detections", "0001_initial"),
        ("monitors", "0001_initial"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
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
                            ("open", "Open"),
                            ("acknowledged", "Acknowledged"),
                            ("resolved", "Resolved"),
                        ],
                        default="open",
                        max_length=12,
                    ),
                ),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("info", "info"),
                            ("warning", "warning"),
                            ("critical", "critical"),
                        ],
                        max_length=10,
                    ),
                ),
                ("summary", models.TextField()),
                ("drifted_features", models.JSONField(default=list)),
                (
                    "occurrences",
                    models.PositiveIntegerField(
                        default=1, help_text="Drifted runs of this episode."
                    ),
                ),
                (
                    "window_start",
                    models.DateTimeField(help_text="Start of the first drifted window."),
                ),
                ("window_end", models.DateTimeField(help_text="End of the last drifted window.")),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_by", models.CharField(blank=True, max_length=200)),
                ("note", models.TextField(blank=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "first_run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="detections.detectionrun",
                    ),
                ),
                (
                    "last_run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="detections.detectionrun",
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
                "db_table": "drf_alerts",
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["tenant", "-created_at", "-id"], name="alert_newest"),
                    models.Index(
                        condition=models.Q(("acknowledged_at__isnull", True)),
                        fields=["tenant"],
                        name="alert_unacknowledged",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "resolved"), _negated=True),
                        fields=("tenant", "monitor"),
                        name="alert_one_unresolved_per_monitor",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("resolved_at__isnull", False), ("status", "resolved")),
                            models.Q(
                                models.Q(("status", "resolved"), _negated=True),
                                ("resolved_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="alert_resolved_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("acknowledged_at__isnull", True), ("acknowledged_by", "")),
                            models.Q(
                                ("acknowledged_at__isnull", False),
                                models.Q(("acknowledged_by", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="alert_acknowledged_has_a_name",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["tenant", "monitor"], name="alert_of_monitor"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["tenant", "first_run"], name="alert_of_first_run"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["tenant", "last_run"], name="alert_of_last_run"),
        ),
        rls.enable_tenant_rls("drf_alerts"),
        rls.tenant_foreign_key("drf_alerts", "monitor_id", "drf_monitors"),
        rls.tenant_foreign_key("drf_alerts", "first_run_id", "drf_runs"),
        rls.tenant_foreign_key("drf_alerts", "last_run_id", "drf_runs"),
    ]
