"""Jobs that list a place and sample its data."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0008_sensitive_features"),
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
                ],
                max_length=20,
            ),
        ),
    ]
