from django.db import migrations
from django.db.migrations import RunSQL

from drift_detector.tenancy import rls
from drift_detector.upgrades import upgrade_squashed

BEAT_TABLES = ", ".join(
    f"django_celery_beat_{name}"
    for name in (
        "periodictask",
        "periodictasks",
        "crontabschedule",
        "intervalschedule",
        "solarschedule",
        "clockedschedule",
    )
)
BEAT_SEQUENCES = ", ".join(
    f"django_celery_beat_{name}_id_seq"
    for name in (
        "periodictask",
        "crontabschedule",
        "intervalschedule",
        "solarschedule",
        "clockedschedule",
    )
)
# A tick needs these columns of a monitor.
TICK_COLUMNS = 'id, tenant_id, status, timezone, "window", window_lag, catch_up, misfire_grace'

FREEZE_READY_BASELINES = """
CREATE OR REPLACE FUNCTION drf_baseline_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'baseline % is ready and can not be changed', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER baseline_is_frozen BEFORE UPDATE ON drf_baselines
    FOR EACH ROW WHEN (OLD.status = 'ready') EXECUTE FUNCTION drf_baseline_is_frozen();
"""

# The numbers of a monitor's events only rise, so its counter stays as long as the monitor.
KEEP_COUNTING = """
    DROP POLICY IF EXISTS outbox_key_of_a_monitor_stays ON drf_outbox_keys;
    CREATE POLICY outbox_key_of_a_monitor_stays ON drf_outbox_keys AS RESTRICTIVE FOR DELETE TO drf_app
    USING (NOT EXISTS (SELECT FROM drf_monitors WHERE drf_monitors.id = drf_outbox_keys.key))
"""

SQUASHED = (
    "0002_engine",
    "0003_seasonal",
    "0004_concept",
    "0005_ticks",
    "0006_labels",
    "0007_retention",
)
UPGRADE = (
    # Their not_before was the lease as well. A build that was broken off is claimed when it is over.
    """
    ALTER TABLE drf_baselines
        ADD COLUMN lease_token uuid,
        ADD COLUMN lease_expires_at timestamptz,
        ADD COLUMN worker varchar(200) NOT NULL DEFAULT ''
    """,
    "ALTER TABLE drf_baselines ALTER COLUMN worker DROP DEFAULT",
    # Those of the schedules are granted again below.
    f"REVOKE USAGE ON ALL SEQUENCES IN SCHEMA public FROM {rls.SCHEDULER}",
)


class Migration(migrations.Migration):
    dependencies = [
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("events", "0002_relay"),
        ("monitors", "0001_initial"),
    ]

    # A database that is too old is refused here, before anything is changed.
    run_before = [("tenancy", "0002_quotas"), ("account", "0001_initial")]

    operations = [
        upgrade_squashed("monitors", SQUASHED, UPGRADE),
        rls.enable_tenant_rls("drf_monitors"),
        rls.enable_tenant_rls("drf_baselines"),
        rls.tenant_foreign_key("drf_baselines", "monitor_id", "drf_monitors"),
        RunSQL(FREEZE_READY_BASELINES, "DROP FUNCTION drf_baseline_is_frozen CASCADE"),
        # Beat reads the monitors of all tenants, but only what a tick needs.
        rls.grant(f"SELECT ({TICK_COLUMNS})", "drf_monitors", rls.SCHEDULER),
        rls.policy("monitor_scheduler_reads", "drf_monitors", to=rls.SCHEDULER, using="true"),
        rls.grant("SELECT, INSERT, UPDATE", BEAT_TABLES, rls.SCHEDULER),
        rls.grant("USAGE", f"SEQUENCE {BEAT_SEQUENCES}", rls.SCHEDULER),
        # The reconciler enqueues lost builds and purges replaced versions; it can't read their content.
        rls.grant(
            "SELECT (id, tenant_id, monitor_id, version, status, created_at, built_at, not_before, "
            "lease_expires_at), DELETE",
            "drf_baselines",
            rls.SCHEDULER,
        ),
        rls.policy("baseline_reconciler_reads", "drf_baselines", to=rls.SCHEDULER, using="true"),
        rls.policy(
            "baseline_reconciler_removes",
            "drf_baselines",
            command="DELETE",
            to=rls.SCHEDULER,
            using="status <> 'building'",
        ),
        # A monitor that is deleted takes the counter of its events with it.
        rls.grant("DELETE", "drf_outbox_keys", rls.APP),
        RunSQL(KEEP_COUNTING, "DROP POLICY outbox_key_of_a_monitor_stays ON drf_outbox_keys"),
    ]
