"""The features of a monitor of which no value is kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0007_health_reviews"),
    ]

    operations = [
        migrations.AddField(
            model_name="monitor",
            name="sensitive_features",
            field=models.JSONField(
                blank=True,
                db_default=[],
                default=list,
                help_text="Features of which no value is kept or shown: shares and effects only.",
            ),
        ),
    ]
