from django.db import migrations

from drift_detector.tenancy import rls
from drift_detector.upgrades import upgrade_squashed

SQUASHED = ("0002_concept", "0003_retention", "0004_resolved")
# Row-level security would hide all rows from the owner, too.
UPGRADE = (
    "ALTER TABLE drf_alerts NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE drf_runs NO FORCE ROW LEVEL SECURITY",
    """
    UPDATE drf_runs SET is_kept = true
    WHERE id IN (SELECT first_run_id FROM drf_alerts UNION SELECT last_run_id FROM drf_alerts)
    """,
    "ALTER TABLE drf_runs FORCE ROW LEVEL SECURITY",
    "ALTER TABLE drf_alerts FORCE ROW LEVEL SECURITY",
)


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0001_initial"),
        ("detections", "0002_rls"),
    ]

    # A database that is too old is refused here, before anything is changed.
    run_before = [("tenancy", "0002_quotas"), ("account", "0001_initial")]

    operations = [
        upgrade_squashed("alerts", SQUASHED, UPGRADE),
        rls.enable_tenant_rls("drf_alerts"),
        rls.tenant_foreign_key("drf_alerts", "monitor_id", "drf_monitors"),
        rls.tenant_foreign_key("drf_alerts", "first_run_id", "drf_runs"),
        rls.tenant_foreign_key("drf_alerts", "last_run_id", "drf_runs"),
        # The reconciler purges alerts that were resolved long ago; it can't read their texts.
        rls.grant(
            "SELECT (id, tenant_id, first_run_id, last_run_id, resolved_at), DELETE",
            "drf_alerts",
            rls.SCHEDULER,
        ),
        rls.policy("alert_reconciler_reads", "drf_alerts", to=rls.SCHEDULER, using="true"),
        rls.policy(
            "alert_reconciler_removes",
            "drf_alerts",
            command="DELETE",
            to=rls.SCHEDULER,
            using="status = 'resolved'",
        ),
    ]
