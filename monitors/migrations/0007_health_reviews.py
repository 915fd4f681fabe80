"""The table of monitors whose health waits for a review."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls

TABLE = "drf_health_reviews"


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0006_alert_rules"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="HealthReview",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("token", models.UUIDField(default=uuid.uuid4)),
                (
                    "enqueued_at",
                    models.DateTimeField(help_text="When its task was last sent.", null=True),
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
                "db_table": TABLE,
                "indexes": [models.Index(fields=["created_at"], name="health_review_by_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "monitor"), name="health_review_once")
                ],
            },
        ),
        rls.enable_tenant_rls(TABLE),
        rls.tenant_foreign_key(TABLE, "monitor_id", "drf_monitors"),
        # Beat and the reconciler ask for reviews; the reconciler sends them. A worker takes them away.
        rls.grant("SELECT, INSERT, UPDATE (token, enqueued_at)", TABLE, rls.SCHEDULER),
        rls.policy("health_review_scheduler_reads", TABLE, to=rls.SCHEDULER, using="true"),
        rls.policy(
            "health_review_scheduler_asks", TABLE, command="INSERT", to=rls.SCHEDULER, using="true"
        ),
        rls.policy(
            "health_review_scheduler_marks", TABLE, command="UPDATE", to=rls.SCHEDULER, using="true"
        ),
    ]
