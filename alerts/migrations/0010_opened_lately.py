"""The index of the alerts of the data that opened lately, built while the table is written to."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("alerts", "0009_waiting_notifications")]

    operations = [
        AddIndexConcurrently(
            model_name="alert",
            index=models.Index(
                condition=models.Q(
                    ("is_history", False), ("kind", "statistical"), ("opened_at__isnull", False)
                ),
                fields=["tenant", "opened_at"],
                name="alert_opened_lately",
            ),
        ),
    ]
