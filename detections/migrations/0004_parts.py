import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0003_backtest"),
        ("monitors", "0002_engine"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="RunPart",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("position", models.PositiveIntegerField()),
                ("spec", models.JSONField(help_text="The files and row groups.")),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("lease_token", models.UUIDField(null=True)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                ("worker", models.CharField(blank=True, max_length=200)),
                ("profile", models.BinaryField(null=True)),
                (
                    "baseline",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="monitors.baseline",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="parts",
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
                "db_table": "drf_run_parts",
                "ordering": ["position"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "run", "position"), name="run_part_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("profile__isnull", True),
                            models.Q(
                                ("lease_expires_at__isnull", True), ("lease_token__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="run_part_is_not_leased_once_counted",
                    ),
                ],
            },
        ),
        rls.enable_tenant_rls("drf_run_parts"),
        rls.tenant_foreign_key("drf_run_parts", "run_id", "drf_runs"),
        rls.tenant_foreign_key("drf_run_parts", "baseline_id", "drf_baselines"),
        # The reconciler removes the parts of the runs it fails; what they say it can't read.
        rls.grant("SELECT (id, tenant_id, run_id), DELETE", "drf_run_parts", rls.SCHEDULER),
        rls.policy("run_part_reconciler_reads", "drf_run_parts", to=rls.SCHEDULER, using="true"),
        rls.policy(
            "run_part_reconciler_removes",
            "drf_run_parts",
            command="DELETE",
            to=rls.SCHEDULER,
            using="true",
        ),
    ]
