from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0003_retention"),
    ]

    operations = [
        migrations.AddIndex(
            "alert",
            models.Index(
                condition=models.Q(("resolved_at__isnull", False)),
                fields=["resolved_at"],
                name="alert_resolved",
            ),
        ),
        # The reconciler removes those that were resolved long ago; what they say it can't read.
        rls.grant("SELECT (id, resolved_at), DELETE", "drf_alerts", rls.SCHEDULER),
        rls.policy(
            "alert_reconciler_removes",
            "drf_alerts",
            command="DELETE",
            to=rls.SCHEDULER,
            using="status = 'resolved'",
        ),
    ]
