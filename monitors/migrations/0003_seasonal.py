import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0002_engine"),
    ]

    operations = [
        migrations.AddField(
            model_name="monitor",
            name="seasonal_weeks",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="Compare with the same window of so many weeks before, too; 0 compares with the baseline alone.",
                validators=[django.core.validators.MaxValueValidator(12)],
            ),
        ),
    ]
