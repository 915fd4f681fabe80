from django.db import migrations, models
from django.db.migrations import RunSQL

from drift_detector.tenancy import rls

RENAME_TASK = (
    "UPDATE django_celery_beat_periodictask SET task = '{}', kwargs = '{{}}' WHERE task = '{}'"
)
OLD_TASK, NEW_TASK = "detections.record_tick", "detections.record_ticks"


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0006_concept"),
        ("monitors", "0005_ticks"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        RunSQL(RENAME_TASK.format(NEW_TASK, OLD_TASK), RENAME_TASK.format(OLD_TASK, NEW_TASK)),
        migrations.RemoveConstraint(
            model_name="detectionrun",
            name="run_ends_with_a_verdict",
        ),
        migrations.RemoveIndex(
            model_name="detectionrun",
            name="run_unfinished",
        ),
        migrations.AddField(
            model_name="detectionrun",
            name="priority",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(then=0, trigger="manual"),
                    models.When(then=3, trigger="schedule"),
                    default=6,
                    output_field=models.PositiveSmallIntegerField(),
                ),
                help_text="Its wake-up's: somebody waits, a tick, a backfill.",
                output_field=models.PositiveSmallIntegerField(),
            ),
        ),
        migrations.AlterField(
            model_name="detectionrun",
            name="status",
            field=models.CharField(
                choices=[
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
            name="enqueued_at",
            field=models.DateTimeField(
                help_text="When its wake-up was sent; null while it waits for its turn.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="detectionrun",
            index=models.Index(
                condition=models.Q(("enqueued_at__isnull", True), ("status", "queued")),
                fields=["tenant", "priority", "scheduled_for"],
                name="run_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="detectionrun",
            index=models.Index(
                condition=models.Q(
                    ("status", "running"),
                    models.Q(("enqueued_at__isnull", False), ("status", "queued")),
                    _connector="OR",
                ),
                fields=["tenant", "status", "priority"],
                name="run_at_work",
            ),
        ),
        migrations.AddIndex(
            model_name="detectionrun",
            index=models.Index(
                condition=models.Q(("status", "skipped")),
                fields=["tenant", "monitor", "scheduled_for"],
                name="run_skipped",
            ),
        ),
        migrations.AddConstraint(
            model_name="detectionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("finished_at__isnull", True),
                        ("status__in", ["queued", "running", "skipped"]),
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
        # Beat writes the ticks of all tenants at once; the reconciler wakes their runs.
        rls.policy(
            "run_scheduler_writes", "drf_runs", command="INSERT", to=rls.SCHEDULER, using="true"
        ),
        rls.grant("SELECT (priority)", "drf_runs", rls.SCHEDULER),
    ]
