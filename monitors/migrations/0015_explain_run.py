"""Jobs that explain a run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0014_slices"),
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
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="job",
            name="monitor_id",
            field=models.UUIDField(
                help_text="The monitor that is asked about, or that was created; it can be gone.",
                null=True,
            ),
        ),
    ]
