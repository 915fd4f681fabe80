"""Jobs that draw the rows of a label audit."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0018_baseline_reference"),
    ]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("browse", "Browse"),
                    ("sample", "Sample"),
                    ("preview", "Preview"),
                    ("create_monitor", "Create Monitor"),
                    ("update_monitor", "Update Monitor"),
                    ("explain_run", "Explain Run"),
                    ("draw_label_audit", "Draw Label Audit"),
                ],
                max_length=20,
            ),
        ),
    ]
