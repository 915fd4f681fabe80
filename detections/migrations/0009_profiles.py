"""Profiles of runs, frames of baselines, error rates over time, and changes of signals."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import detections.models.outcomes
from drift_detector.tenancy import rls

TABLES = (
    "drf_profiles",
    "drf_baseline_frames",
    "drf_error_bins",
    "drf_signal_changes",
)
FOREIGN_KEYS = (
    ("drf_profiles", "run_id", "drf_runs"),
    ("drf_profiles", "monitor_id", "drf_monitors"),
    ("drf_baseline_frames", "baseline_id", "drf_baselines"),
    ("drf_error_bins", "stream_id", "drf_outcome_streams"),
    ("drf_signal_changes", "stream_id", "drf_outcome_streams"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0008_work_at_work"),
        ("monitors", "0008_sensitive_features"),
        ("tenancy", "0002_quotas"),
    ]

    operations = [
        migrations.CreateModel(
            name="BaselineFrame",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("content", models.BinaryField()),
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
                "db_table": "drf_baseline_frames",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "baseline"), name="frame_once_per_baseline"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ErrorBin",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("width", models.PositiveIntegerField(help_text="Seconds.")),
                ("start", models.DateTimeField(help_text="A whole number of widths since 1970.")),
                ("outcomes", models.PositiveBigIntegerField()),
                ("errors", models.FloatField(help_text="Their sum.")),
                (
                    "stream",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="detections.outcomestream",
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
                "db_table": "drf_error_bins",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "stream", "width", "start"), name="error_bin_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("outcomes__gt", 0)), name="error_bin_has_outcomes"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RunProfile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("window_start", models.DateTimeField()),
                ("window_end", models.DateTimeField()),
                (
                    "drawn",
                    models.BinaryField(
                        help_text="A picture of each feature of the baseline, in its order."
                    ),
                ),
                (
                    "scores",
                    models.BinaryField(
                        help_text="The verdict and effect of each method and feature."
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
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="profiles",
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
                "db_table": "drf_profiles",
                "indexes": [
                    models.Index(
                        fields=["tenant", "monitor", "-window_start", "-created_at"],
                        name="profile_by_window",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "run"), name="profile_once_per_run"),
                    models.CheckConstraint(
                        condition=models.Q(("window_start__lt", models.F("window_end"))),
                        name="profile_window_ordered",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SignalChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "method",
                    models.CharField(
                        choices=detections.models.outcomes.detector_choices, max_length=20
                    ),
                ),
                (
                    "signal",
                    models.CharField(
                        choices=[("stable", "stable"), ("warning", "warning"), ("drift", "drift")],
                        help_text="The signal since then.",
                        max_length=10,
                    ),
                ),
                (
                    "sequence",
                    models.PositiveBigIntegerField(help_text="Of the outcome that changed it."),
                ),
                ("occurred_at", models.DateTimeField(help_text="When that outcome occurred.")),
                (
                    "changed_sequence",
                    models.PositiveBigIntegerField(
                        help_text="Of a drift: the first outcome after the change.", null=True
                    ),
                ),
                (
                    "changed_at",
                    models.DateTimeField(help_text="When that one occurred, if known.", null=True),
                ),
                (
                    "before",
                    models.FloatField(help_text="Of a drift: the error rate before it.", null=True),
                ),
                ("after", models.FloatField(null=True)),
                (
                    "stream",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="detections.outcomestream",
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
                "db_table": "drf_signal_changes",
                "indexes": [
                    models.Index(
                        fields=["tenant", "stream", "method", "-sequence"],
                        name="signal_change_by_sequence",
                    ),
                    models.Index(
                        fields=["tenant", "stream", "-occurred_at"], name="signal_change_by_time"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("after__isnull", False),
                                ("before__isnull", False),
                                ("changed_sequence__isnull", False),
                                ("signal", "drift"),
                            ),
                            models.Q(
                                models.Q(("signal", "drift"), _negated=True),
                                ("changed_sequence__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="signal_change_of_drift_has_rates",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="detection",
            index=models.Index(
                name="detection_of_performance",
                fields=["tenant", "monitor", "-window_start"],
                condition=models.Q(("detection_type", "performance")),
            ),
        ),
        *[rls.enable_tenant_rls(table) for table in TABLES],
        # The rows go with the run, the baseline or the stream that they belong to, so that the
        # scheduler, which removes these, needs no right on them.
        *[rls.tenant_foreign_key(*key) for key in FOREIGN_KEYS],
    ]
