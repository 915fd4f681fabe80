"""The indexes of the lists of runs and of detections by window, built while the tables are written to."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("detections", "0010_run_phases"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="detectionrun",
            index=models.Index(fields=["tenant", "-window_end", "-id"], name="run_latest_window"),
        ),
        AddIndexConcurrently(
            model_name="detection",
            index=models.Index(
                fields=["tenant", "-window_end", "-id"], name="detection_latest_window"
            ),
        ),
    ]
