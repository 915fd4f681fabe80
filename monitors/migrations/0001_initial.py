import datetime
import uuid

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations import RunSQL

from drift_detector.tenancy import rls

BEAT_TABLES = ", ".join(
    f"django_celery_beat_{name}"
    for name in (
        "periodictask",
        "periodictasks",
        "crontabschedule",
        "intervalschedule",
        "solarschedule",
        "clockedschedule",
    )
)

FREEZE_READY_BASELINES = """
CREATE FUNCTION drf_baseline_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'baseline % is ready and can not be changed', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER baseline_is_frozen BEFORE UPDATE ON drf_baselines
    FOR EACH ROW WHEN (OLD.status = 'ready') EXECUTE FUNCTION drf_baseline_is_frozen();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Monitor",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=200)),
                (
                    "model_id",
                    models.UUIDField(help_text="The deployed model this monitor watches."),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("paused", "Paused"),
                            ("disabled", "Disabled"),
                        ],
                        default="active",
                        max_length=10,
                    ),
                ),
                ("reference_data_uri", models.CharField(max_length=1000)),
                ("reference_start", models.DateTimeField(blank=True, null=True)),
                ("reference_end", models.DateTimeField(blank=True, null=True)),
                ("current_data_uri", models.CharField(max_length=1000)),
                ("timestamp_column", models.CharField(blank=True, max_length=200)),
                (
                    "feature_columns",
                    models.JSONField(
                        blank=True, default=list, help_text="Empty: all columns of a known type."
                    ),
                ),
                (
                    "window",
                    models.DurationField(
                        default=datetime.timedelta(days=1), help_text="How much data one run reads."
                    ),
                ),
                (
                    "window_lag",
                    models.DurationField(
                        default=datetime.timedelta(0), help_text="How long data takes to arrive."
                    ),
                ),
                ("schedule_cron", models.CharField(default="0 6 * * *", max_length=200)),
                ("timezone", models.CharField(default="UTC", max_length=64)),
                ("methods", models.JSONField(default=list)),
                (
                    "policy",
                    models.CharField(
                        choices=[
                            ("evidence_and_effect", "Evidence And Effect"),
                            ("threshold", "Threshold"),
                        ],
                        default="evidence_and_effect",
                        max_length=20,
                    ),
                ),
                ("thresholds", models.JSONField(blank=True, default=dict)),
                ("tolerances", models.JSONField(blank=True, default=dict)),
                (
                    "min_rows",
                    models.PositiveIntegerField(
                        validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                ("retraining_enabled", models.BooleanField(default=True)),
                (
                    "retraining_required_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                ("created_by", models.CharField(editable=False, max_length=200)),
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
                "db_table": "drf_monitors",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Baseline",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("version", models.PositiveIntegerField()),
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
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                (
                    "not_before",
                    models.DateTimeField(
                        help_text="Until then one worker builds it, or it rests.", null=True
                    ),
                ),
                ("rows", models.PositiveBigIntegerField(default=0)),
                ("is_sampled", models.BooleanField(default=False)),
                ("features", models.JSONField(default=dict)),
                ("content", models.BinaryField(null=True)),
                ("content_hash", models.CharField(blank=True, max_length=64)),
                ("size_bytes", models.PositiveBigIntegerField(default=0)),
                ("built_at", models.DateTimeField(null=True)),
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
                    "monitor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="baselines",
                        to="monitors.monitor",
                    ),
                ),
            ],
            options={
                "db_table": "drf_baselines",
                "ordering": ["-version"],
            },
        ),
        migrations.AddIndex(
            model_name="monitor",
            index=models.Index(fields=["tenant", "-created_at", "-id"], name="monitor_newest"),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="monitor_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.UniqueConstraint(fields=("tenant", "name"), name="monitor_name_once"),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.CheckConstraint(
                condition=models.Q(("window__gt", datetime.timedelta(0))),
                name="monitor_window_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.CheckConstraint(
                condition=models.Q(("window_lag__gte", datetime.timedelta(0))),
                name="monitor_lag_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reference_start__isnull", True),
                    ("reference_end__isnull", True),
                    ("reference_start__lt", models.F("reference_end")),
                    _connector="OR",
                ),
                name="monitor_reference_ordered",
            ),
        ),
        migrations.AddIndex(
            model_name="baseline",
            index=models.Index(
                condition=models.Q(("status", "building")),
                fields=["created_at"],
                name="baseline_building",
            ),
        ),
        migrations.AddConstraint(
            model_name="baseline",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="baseline_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="baseline",
            constraint=models.UniqueConstraint(
                fields=("tenant", "monitor", "version"), name="baseline_version_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="baseline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "ready"), _negated=True),
                    ("content__isnull", False),
                    _connector="OR",
                ),
                name="baseline_ready_has_content",
            ),
        ),
        rls.enable_tenant_rls("drf_monitors"),
        rls.enable_tenant_rls("drf_baselines"),
        rls.tenant_foreign_key("drf_baselines", "monitor_id", "drf_monitors"),
        RunSQL(FREEZE_READY_BASELINES, "DROP FUNCTION drf_baseline_is_frozen CASCADE"),
        rls.grant("SELECT", "drf_monitors", rls.SCHEDULER),
        rls.grant(
            "SELECT (id, tenant_id, status, created_at, not_before)", "drf_baselines", rls.SCHEDULER
        ),
        rls.policy("baseline_reconciler_reads", "drf_baselines", to=rls.SCHEDULER, using="true"),
        rls.grant("SELECT, INSERT, UPDATE", BEAT_TABLES, rls.SCHEDULER),
        rls.grant("USAGE", "ALL SEQUENCES IN SCHEMA public", rls.SCHEDULER),
    ]
