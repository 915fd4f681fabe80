from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0008_retention"),
        ("monitors", "0005_ticks"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="detectionrun",
            name="run_once_per_tick",
        ),
        migrations.RemoveConstraint(
            model_name="detectionrun",
            name="run_ends_with_a_verdict",
        ),
        migrations.AlterField(
            model_name="detectionrun",
            name="scheduled_for",
            field=models.DateTimeField(
                help_text="The tick, computed where it fired; when labels are due."
            ),
        ),
        migrations.AlterField(
            model_name="detectionrun",
            name="status",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("succeeded", "Succeeded"),
                    ("failed", "Failed"),
                    ("skipped", "Skipped"),
                ],
                default="queued",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="detectionrun",
            name="trigger",
            field=models.CharField(
                choices=[
                    ("schedule", "Schedule"),
                    ("manual", "Manual"),
                    ("backfill", "Backfill"),
                    ("outcomes", "Outcomes"),
                    ("labels", "Labels"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="detectionrun",
            index=models.Index(
                condition=models.Q(("status", "waiting")), fields=["not_before"], name="run_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("trigger", "labels"), _negated=True),
                fields=("tenant", "monitor", "scheduled_for"),
                name="run_once_per_tick",
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("trigger", "labels")),
                fields=("tenant", "monitor", "window_start", "window_end"),
                name="run_followed_once_per_window",
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("finished_at__isnull", True),
                        ("status__in", ["waiting", "queued", "running", "skipped"]),
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
    ]
