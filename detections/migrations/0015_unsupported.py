"""The verdict of an estimate with evidence against it, and the index of judged windows with it."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

VERDICTS = [
    ("ok", "ok"),
    ("drift", "drift"),
    ("insufficient_data", "insufficient_data"),
    ("unsupported", "unsupported"),
    ("no_data", "no_data"),
    ("error", "error"),
]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("detections", "0014_slices"),
    ]

    operations = [
        migrations.AlterField(
            model_name="detection",
            name="verdict",
            field=models.CharField(choices=VERDICTS, max_length=20),
        ),
        migrations.AlterField(
            model_name="detectionrun",
            name="verdict",
            field=models.CharField(blank=True, choices=VERDICTS, max_length=20),
        ),
        AddIndexConcurrently(
            model_name="detectionrun",
            index=models.Index(
                name="run_judged_by_end",
                fields=["tenant", "monitor", "window_end"],
                condition=models.Q(verdict__in=["ok", "drift", "unsupported"]),
            ),
        ),
        RemoveIndexConcurrently(model_name="detectionrun", name="run_judged_by_window"),
    ]
