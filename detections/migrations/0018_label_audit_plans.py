"""Plans of label audits: those of the same rows follow one sequence of intervals."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detections", "0017_label_audits")]

    operations = [
        migrations.AddField(
            model_name="labelaudit",
            name="plans",
            field=models.JSONField(
                default=list,
                db_default=models.Value([], models.JSONField()),
                help_text="The rows that intervals were planned for: of the audits of the same rows before, and of this "
                "one.",
            ),
        ),
        migrations.AlterField(
            model_name="labelaudit",
            name="seed",
            field=models.BigIntegerField(help_text="Of the draw, by the monitor."),
        ),
    ]
