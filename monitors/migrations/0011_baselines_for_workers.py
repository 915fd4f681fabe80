from django.db import migrations

from drift_detector.tenancy import rls

COLUMNS = (
    "id, tenant_id, created_at, monitor_id, version, status, reason, not_before, rows, is_sampled, features, columns, "
    "calibration, performance, prediction_types, content_hash, size_bytes, built_at, "
    "attempt, lease_token, lease_expires_at, worker"
)


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0010_job_cause"),
        ("tenancy", "0009_rights_by_process"),
    ]

    operations = [
        # The content holds values of the reference; web shows the figures that are made from it.
        rls.grant("SELECT", "drf_baselines", rls.WORKER),
        rls.revoke("SELECT", "drf_baselines", rls.APP),
        rls.grant(f"SELECT ({COLUMNS})", "drf_baselines", rls.APP),
    ]
