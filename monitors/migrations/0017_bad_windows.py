"""The table of times whose data are bad."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls
from drift_detector.tenancy.audit_triggers import audit

TABLE = "drf_bad_windows"


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0016_references_in_time"),
        ("tenancy", "0009_rights_by_process"),
        ("audit", "0002_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="BadWindow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("window_start", models.DateTimeField(help_text="Included.")),
                ("window_end", models.DateTimeField(help_text="Not included.")),
                ("reason", models.CharField(blank=True, db_default="", default="", max_length=500)),
                (
                    "episode",
                    models.UUIDField(
                        editable=False,
                        help_text="The alert whose windows it covers; null if a person has marked it.",
                        null=True,
                    ),
                ),
                ("created_by", models.CharField(editable=False, max_length=200)),
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
                "ordering": ["-window_start", "-id"],
                "indexes": [
                    models.Index(
                        fields=["tenant", "monitor", "window_start"], name="bad_window_of_monitor"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "id"), name="bad_window_tenant_identity"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("episode__isnull", False)),
                        fields=("tenant", "episode"),
                        name="bad_window_once_per_episode",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("window_start__lt", models.F("window_end"))),
                        name="bad_window_ordered",
                    ),
                ],
            },
        ),
        rls.enable_tenant_rls(TABLE),
        rls.tenant_foreign_key(TABLE, "monitor_id", "drf_monitors"),
        # Workers let an episode grow with each run.
        audit(TABLE, of_processes=False),
    ]
