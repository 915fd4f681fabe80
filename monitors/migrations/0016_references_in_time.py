"""The references in time of a monitor, its holidays, and which comparison decides."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0015_explain_run"),
    ]

    operations = [
        migrations.AddField(
            model_name="monitor",
            name="holidays",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="A country, or a part of one, such as US-CA: its holidays are compared with each other.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="monitor",
            name="judged_by",
            field=models.CharField(
                choices=[("either", "Either"), ("references_in_time", "References In Time")],
                db_default="either",
                default="either",
                help_text="Drift in either comparison counts; or references in time decide in place of the baseline, where they can be judged.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="monitor",
            name="references_in_time",
            field=models.JSONField(
                blank=True,
                db_default=[],
                default=list,
                help_text='Earlier times that each window is compared with, too: [{"kind": "day_of_month", "months": 6}].',
            ),
        ),
    ]
