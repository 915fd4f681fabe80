from django.db import migrations, models
from django.db.migrations import RunSQL

from drift_detector.tenancy import rls

KEEP_COUNTING = """
    CREATE POLICY outbox_key_of_a_monitor_stays ON drf_outbox_keys AS RESTRICTIVE FOR DELETE TO drf_app
    USING (NOT EXISTS (SELECT FROM drf_monitors WHERE drf_monitors.id = drf_outbox_keys.key))
"""


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_relay"),
        ("monitors", "0006_labels"),
    ]

    operations = [
        migrations.AddIndex(
            "baseline", models.Index(fields=["created_at", "id"], name="baseline_oldest")
        ),
        # The reconciler removes versions that were replaced long ago; what they hold it can't read.
        rls.grant("SELECT (monitor_id, version, built_at), DELETE", "drf_baselines", rls.SCHEDULER),
        rls.policy(
            "baseline_reconciler_removes",
            "drf_baselines",
            command="DELETE",
            to=rls.SCHEDULER,
            using="status <> 'building'",
        ),
        # A monitor that is removed takes the counter of its events with it; of one that is there, numbers only rise.
        rls.grant("DELETE", "drf_outbox_keys", rls.APP),
        RunSQL(KEEP_COUNTING, "DROP POLICY outbox_key_of_a_monitor_stays ON drf_outbox_keys"),
    ]
