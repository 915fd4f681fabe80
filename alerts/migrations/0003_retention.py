from django.db import migrations

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0002_concept"),
    ]

    operations = [
        # Which runs an alert tells of, so that these are kept; nothing else of it.
        rls.grant("SELECT (tenant_id, first_run_id, last_run_id)", "drf_alerts", rls.SCHEDULER),
        rls.policy("alert_reconciler_reads", "drf_alerts", to=rls.SCHEDULER, using="true"),
    ]
