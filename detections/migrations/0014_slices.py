"""What the methods of a detection find on the slices of its window."""

from django.db import migrations

import detections.models.detections


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0013_run_opening_level"),
    ]

    operations = [
        migrations.AddField(
            model_name="detection",
            name="slices",
            field=detections.models.detections.WholeJSONField(
                db_default=[],
                default=list,
                help_text="The drifted features of each slice; of one without drift, the feature that comes nearest to it.",
            ),
        ),
    ]
