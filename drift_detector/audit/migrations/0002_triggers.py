from django.db import migrations

from drift_detector.tenancy.audit_triggers import audit

NAMES = ["username", "first_name", "last_name", "email"]


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_audit"),
        ("events", "0002_relay"),
        ("monitors", "0010_job_cause"),
        ("detections", "0011_lists_by_window"),
        ("alerts", "0007_notifications"),
    ]

    operations = [
        # What people configure.
        audit("drf_users", hidden=["password", *NAMES], left_out=["last_login"]),
        audit("drf_tenants"),
        audit("drf_memberships"),
        audit("drf_api_keys", hidden=["sha256"], left_out=["last_used_at", "last_used_from"]),
        audit("drf_quotas"),
        audit("drf_saved_filters", hidden=["query"]),
        audit("drf_monitors"),
        audit("drf_channels", hidden=["address", "shown_address", "secret", "previous_secret"]),
        audit("drf_routes"),
        audit("drf_route_channels"),
        audit("drf_silences"),
        audit("drf_maintenance_windows"),
        audit("drf_retraining_rules"),
        audit("drf_model_mappings", hidden=["secret"]),
        # Work: what keys, people and commands ask for and do. Values of a tenant's data are left out.
        audit(
            "drf_baselines",
            of_processes=False,
            left_out=[
                "content",
                "features",
                "columns",
                "calibration",
                "performance",
                "prediction_types",
            ],
        ),
        audit("drf_jobs", of_processes=False, left_out=["fields", "answer", "cause"]),
        audit(
            "drf_runs",
            of_processes=False,
            left_out=["inline_data", "request_hash", "phases", "files_skipped", "enqueued_at"],
        ),
        audit("drf_backtests", of_processes=False, left_out=["summary", "windows"]),
        audit("drf_reports", of_processes=False, left_out=["html", "summary"]),
        audit("drf_outcome_batches", of_processes=False, left_out=["content"]),
        audit(
            "drf_alerts",
            of_processes=False,
            hidden=["assignee", "note"],
            left_out=["summary", "drifted_features", "cause", "state"],
        ),
        audit(
            "drf_alert_events",
            of_processes=False,
            hidden=["note"],
            left_out=["details", "routed_at"],
        ),
        audit("drf_notifications", of_processes=False, left_out=["events", "tries"]),
        audit(
            "drf_outbox", of_processes=False, left_out=["envelope", "last_error", "published_at"]
        ),
        audit("drf_suggestions", of_processes=False, left_out=["counts", "hidden", "summary"]),
        audit(
            "drf_retraining_requests",
            of_processes=False,
            left_out=["evidence", "features", "new_baselines", "old_limits", "verified_runs"],
        ),
        audit("drf_deployments", of_processes=False, hidden=["note"]),
    ]
