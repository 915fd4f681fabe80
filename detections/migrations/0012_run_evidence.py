"""A run's p-value. The constraint is added without reading the table: no row has a p-value before this."""

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("detections", "0011_lists_by_window")]

    operations = [
        migrations.AddField(
            model_name="detectionrun",
            name="p_value",
            field=models.FloatField(
                help_text="Valid for the statement that nothing drifted in the window. Of a run with drift, it is that of what drifted. Null if no method has one, or by the policy threshold.",
                null=True,
            ),
        ),
        AddConstraintNotValid(
            model_name="detectionrun",
            constraint=models.CheckConstraint(
                condition=models.Q(p_value__gte=0, p_value__lte=1),
                name="run_p_value_is_a_probability",
            ),
        ),
        ValidateConstraint(model_name="detectionrun", name="run_p_value_is_a_probability"),
    ]
