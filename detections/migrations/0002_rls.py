from django.db import migrations
from django.db.migrations.operations.base import Operation

from drift_detector.tenancy import rls
from drift_detector.upgrades import upgrade_squashed

TABLES = (
    "drf_runs",
    "drf_run_parts",
    "drf_detections",
    "drf_reports",
    "drf_backtests",
    "drf_outcome_streams",
    "drf_detector_states",
    "drf_outcome_batches",
    "drf_pending_outcomes",
)
FOREIGN_KEYS = (
    ("drf_runs", "monitor_id", "drf_monitors"),
    ("drf_runs", "baseline_id", "drf_baselines"),
    ("drf_run_parts", "run_id", "drf_runs"),
    ("drf_run_parts", "baseline_id", "drf_baselines"),
    ("drf_detections", "run_id", "drf_runs"),
    ("drf_detections", "monitor_id", "drf_monitors"),
    ("drf_reports", "run_id", "drf_runs"),
    ("drf_backtests", "monitor_id", "drf_monitors"),
    ("drf_backtests", "baseline_id", "drf_baselines"),
    ("drf_outcome_streams", "monitor_id", "drf_monitors"),
    ("drf_detector_states", "stream_id", "drf_outcome_streams"),
    ("drf_detector_states", "monitor_id", "drf_monitors"),
    ("drf_outcome_batches", "stream_id", "drf_outcome_streams"),
    ("drf_pending_outcomes", "stream_id", "drf_outcome_streams"),
)
SQUASHED = (
    "0002_methods",
    "0003_backtest",
    "0004_parts",
    "0005_seasonal",
    "0006_concept",
    "0007_ticks",
    "0008_retention",
    "0009_labels",
    "0010_details",
    "0011_oldest",
    "0012_retention",
)
UPGRADE = (
    "DROP INDEX run_waiting, run_at_work",
    "ALTER TABLE drf_runs RENAME COLUMN woken_at TO enqueued_at",
    # alerts.0002_rls sets it for the runs that an alert refers to.
    "ALTER TABLE drf_runs ADD COLUMN is_kept boolean NOT NULL DEFAULT false",
    """
    CREATE INDEX run_waiting ON drf_runs (tenant_id, priority, scheduled_for)
        WHERE enqueued_at IS NULL AND status = 'queued'
    """,
    """
    CREATE INDEX run_at_work ON drf_runs (tenant_id, status, priority)
        WHERE status = 'running' OR (enqueued_at IS NOT NULL AND status = 'queued')
    """,
    # Their not_before was the lease. Without one, the reconciler enqueues them again.
    """
    ALTER TABLE drf_backtests
        DROP COLUMN not_before,
        ADD COLUMN lease_token uuid,
        ADD COLUMN lease_expires_at timestamptz,
        ADD COLUMN worker varchar(200) NOT NULL DEFAULT ''
    """,
    "ALTER TABLE drf_backtests ALTER COLUMN worker DROP DEFAULT",
    """
    ALTER TABLE drf_reports
        ADD COLUMN attempt smallint NOT NULL DEFAULT 0 CHECK (attempt >= 0),
        ADD COLUMN lease_token uuid,
        ADD COLUMN lease_expires_at timestamptz,
        ADD COLUMN worker varchar(200) NOT NULL DEFAULT ''
    """,
    """
    ALTER TABLE drf_reports
        ALTER COLUMN attempt DROP DEFAULT,
        ALTER COLUMN worker DROP DEFAULT
    """,
)


def reconciler_reads(table: str, name: str) -> Operation:
    return rls.policy(f"{name}_reconciler_reads", table, to=rls.SCHEDULER, using="true")


def reconciler_removes(table: str, name: str, using: str = "true") -> Operation:
    return rls.policy(
        f"{name}_reconciler_removes", table, command="DELETE", to=rls.SCHEDULER, using=using
    )


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0001_initial"),
        ("monitors", "0002_rls"),
    ]

    # A database that is too old is refused here, before anything is changed.
    run_before = [("tenancy", "0002_quotas"), ("account", "0001_initial")]

    operations = [
        upgrade_squashed("detections", SQUASHED, UPGRADE),
        *[rls.enable_tenant_rls(table) for table in TABLES],
        *[rls.tenant_foreign_key(*key) for key in FOREIGN_KEYS],
        # Beat writes the runs of every tenant; the reconciler returns, enqueues and purges them. Neither
        # can read inline rows or results.
        rls.grant(
            "INSERT, DELETE, SELECT (id, tenant_id, monitor_id, baseline_id, scheduled_for, status, "
            "priority, attempt, not_before, enqueued_at, lease_expires_at, created_at, is_kept), "
            "UPDATE (status, verdict, reason, not_before, enqueued_at, lease_token, lease_expires_at, "
            "finished_at, is_kept)",
            "drf_runs",
            rls.SCHEDULER,
        ),
        reconciler_reads("drf_runs", "run"),
        rls.policy(
            "run_reconciler_returns", "drf_runs", command="UPDATE", to=rls.SCHEDULER, using="true"
        ),
        rls.policy(
            "run_scheduler_writes", "drf_runs", command="INSERT", to=rls.SCHEDULER, using="true"
        ),
        reconciler_removes("drf_runs", "run", "status IN ('succeeded', 'failed', 'skipped')"),
        rls.grant(
            "SELECT (id, tenant_id, run_id, baseline_id), DELETE", "drf_run_parts", rls.SCHEDULER
        ),
        reconciler_reads("drf_run_parts", "run_part"),
        reconciler_removes("drf_run_parts", "run_part"),
        rls.grant(
            "SELECT (id, tenant_id, baseline_id, status, created_at, lease_expires_at, "
            "finished_at), DELETE",
            "drf_backtests",
            rls.SCHEDULER,
        ),
        reconciler_reads("drf_backtests", "backtest"),
        reconciler_removes("drf_backtests", "backtest", "status <> 'running'"),
        rls.grant(
            "SELECT (id, tenant_id, created_at), DELETE", "drf_outcome_batches", rls.SCHEDULER
        ),
        reconciler_reads("drf_outcome_batches", "outcome"),
        reconciler_removes("drf_outcome_batches", "outcome"),
        rls.grant(
            "SELECT (id, tenant_id, created_at), DELETE", "drf_pending_outcomes", rls.SCHEDULER
        ),
        reconciler_reads("drf_pending_outcomes", "outcome"),
        reconciler_removes("drf_pending_outcomes", "outcome"),
    ]
