"""The level that a drifted run's p-value was held against. No row has one before this, so none is read."""

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("detections", "0012_run_evidence")]

    operations = [
        migrations.AddField(
            model_name="detectionrun",
            name="opening_level",
            field=models.FloatField(
                help_text="The level that the false-alarm budget gave it when it ended: a drift whose evidence is not beyond it does not count towards an alert. Null without a drift or a p-value.",
                null=True,
            ),
        ),
        AddConstraintNotValid(
            model_name="detectionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(opening_level__gte=0, opening_level__lte=1),
                name="run_opening_level_is_a_probability",
            ),
        ),
        ValidateConstraint(model_name="detectionrun", name="run_opening_level_is_a_probability"),
    ]
