import datetime

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0005_ticks"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="monitor",
            name="label_delay",
            field=models.DurationField(
                blank=True,
                help_text="How long after a window's end its labels are known; then its performance is measured once more.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("label_delay__isnull", True),
                    ("label_delay__gte", datetime.timedelta(0)),
                    _connector="OR",
                ),
                name="monitor_label_delay_not_negative",
            ),
        ),
    ]
