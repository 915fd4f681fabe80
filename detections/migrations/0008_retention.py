import django.contrib.postgres.indexes
from django.db import migrations

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0007_ticks"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="detectionrun",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["created_at"], name="run_by_age"
            ),
        ),
        rls.grant("DELETE", "drf_runs", rls.SCHEDULER),
        rls.policy(
            "run_reconciler_removes",
            "drf_runs",
            command="DELETE",
            to=rls.SCHEDULER,
            using="status IN ('succeeded', 'failed', 'skipped')",
        ),
    ]
