from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0004_parts"),
        ("monitors", "0003_seasonal"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="detection",
            name="detection_once_per_run_and_method",
        ),
        migrations.AddField(
            model_name="detection",
            name="reference",
            field=models.CharField(
                choices=[("baseline", "baseline"), ("seasonal", "seasonal")],
                default="baseline",
                help_text="What was compared with: the frozen baseline, or the same window of the weeks before.",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="detection",
            constraint=models.UniqueConstraint(
                fields=("tenant", "run", "method", "reference"),
                name="detection_once_per_run_method_and_reference",
            ),
        ),
    ]
