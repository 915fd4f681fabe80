import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0002_methods"),
        ("monitors", "0002_engine"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Backtest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("requested_by", models.CharField(max_length=200)),
                ("start", models.DateTimeField(help_text="The first tick, included.")),
                ("end", models.DateTimeField(help_text="The last tick, not included.")),
                (
                    "status",
                    models.CharField(
                        choices=[("running", "Running"), ("ready", "Ready"), ("failed", "Failed")],
                        default="running",
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                (
                    "not_before",
                    models.DateTimeField(help_text="Until then one worker works on it.", null=True),
                ),
                ("summary", models.JSONField(default=dict)),
                ("windows", models.JSONField(default=list, help_text="A record per tick.")),
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
                        related_name="backtests",
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
                "db_table": "drf_backtests",
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(
                        fields=["tenant", "monitor", "-created_at", "-id"],
                        name="backtest_newest_of_monitor",
                    ),
                    models.Index(
                        condition=models.Q(("status", "running")),
                        fields=["created_at"],
                        name="backtest_running",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "id"), name="backtest_tenant_identity"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("start__lt", models.F("end"))), name="backtest_ordered"
                    ),
                ],
            },
        ),
        rls.enable_tenant_rls("drf_backtests"),
        rls.tenant_foreign_key("drf_backtests", "monitor_id", "drf_monitors"),
        rls.tenant_foreign_key("drf_backtests", "baseline_id", "drf_baselines"),
        # The reconciler wakes the backtests whose worker stopped answering; what they find it can't read.
        rls.grant(
            "SELECT (id, tenant_id, status, created_at, not_before)", "drf_backtests", rls.SCHEDULER
        ),
        rls.policy("backtest_reconciler_reads", "drf_backtests", to=rls.SCHEDULER, using="true"),
    ]
