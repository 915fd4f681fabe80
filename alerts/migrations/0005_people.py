"""An index finds the alerts that wait for people; the scheduler finds snoozes that are over."""

from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0004_episodes"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="alert", name="alert_unacknowledged"),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(
                    ("attention__in", ["new", "snoozed"]),
                    ("is_history", False),
                    ("opened_at__isnull", False),
                ),
                fields=["tenant"],
                name="alert_unacknowledged",
            ),
        ),
        rls.grant("SELECT (attention, snoozed_until)", "drf_alerts", rls.SCHEDULER),
    ]
