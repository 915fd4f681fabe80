"""The slices of a monitor."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0013_budgets"),
    ]

    operations = [
        migrations.AddField(
            model_name="monitor",
            name="slices",
            field=models.JSONField(
                blank=True,
                db_default=[],
                default=list,
                help_text='Parts of each window that are judged beside the whole: [{"name": "United", "where": "carrier = \'UA\'"}].',
            ),
        ),
    ]
