"""More references than the baseline and the weeks before, and which detections decide about their run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0015_unsupported"),
    ]

    operations = [
        migrations.AddField(
            model_name="detection",
            name="counts",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="False if the comparison is shown, and a reference in time decides in its place.",
            ),
        ),
        migrations.AlterField(
            model_name="detection",
            name="reference",
            field=models.CharField(
                choices=[
                    ("baseline", "baseline"),
                    ("seasonal", "seasonal"),
                    ("trailing", "trailing"),
                    ("previous", "previous"),
                    ("day_of_month", "day_of_month"),
                    ("month_of_year", "month_of_year"),
                    ("holiday", "holiday"),
                ],
                default="baseline",
                help_text="What was compared with: the frozen baseline, or an earlier time.",
                max_length=20,
            ),
        ),
    ]
