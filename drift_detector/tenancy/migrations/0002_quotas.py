import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="TenantQuota",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "monitors",
                    models.PositiveBigIntegerField(blank=True, help_text="Monitors.", null=True),
                ),
                (
                    "keys",
                    models.PositiveBigIntegerField(
                        blank=True, help_text="API keys that are not revoked.", null=True
                    ),
                ),
                (
                    "runs_per_day",
                    models.PositiveBigIntegerField(blank=True, help_text="Runs a day.", null=True),
                ),
                (
                    "outcome_rows_per_day",
                    models.PositiveBigIntegerField(
                        blank=True, help_text="Outcomes that are sent, a day.", null=True
                    ),
                ),
                (
                    "bytes_read_per_day",
                    models.PositiveBigIntegerField(
                        blank=True, help_text="Bytes of data that workers read, a day.", null=True
                    ),
                ),
                (
                    "storage_bytes",
                    models.PositiveBigIntegerField(
                        blank=True, help_text="Bytes that the tenant's rows take.", null=True
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
                "verbose_name": "quota",
                "db_table": "drf_quotas",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant",), name="quota_once_per_tenant")
                ],
            },
        ),
        migrations.CreateModel(
            name="Usage",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("monitors", "Monitors"),
                            ("keys", "Keys"),
                            ("runs_per_day", "Runs"),
                            ("outcome_rows_per_day", "Outcome Rows"),
                            ("bytes_read_per_day", "Bytes Read"),
                            ("storage_bytes", "Storage"),
                        ],
                        max_length=30,
                    ),
                ),
                ("day", models.DateField()),
                ("amount", models.PositiveBigIntegerField()),
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
                "db_table": "drf_usage",
                "indexes": [models.Index(fields=["day"], name="usage_by_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "kind", "day"), name="usage_once_per_day"
                    )
                ],
            },
        ),
        rls.enable_tenant_rls("drf_quotas"),
        rls.enable_tenant_rls("drf_usage"),
        # Beat counts the ticks of all tenants; the reconciler removes days that are long past.
        rls.grant("SELECT", "drf_quotas", rls.SCHEDULER),
        rls.policy("quota_scheduler_reads", "drf_quotas", to=rls.SCHEDULER, using="true"),
        rls.grant("SELECT, INSERT, UPDATE, DELETE", "drf_usage", rls.SCHEDULER),
        rls.policy("usage_scheduler_reads", "drf_usage", to=rls.SCHEDULER, using="true"),
        rls.policy(
            "usage_scheduler_begins", "drf_usage", command="INSERT", to=rls.SCHEDULER, using="true"
        ),
        rls.policy(
            "usage_scheduler_counts", "drf_usage", command="UPDATE", to=rls.SCHEDULER, using="true"
        ),
        rls.policy(
            "usage_reconciler_removes",
            "drf_usage",
            command="DELETE",
            to=rls.SCHEDULER,
            using="true",
        ),
    ]
