"""What PostgreSQL's own catalogues say about the tenants' tables."""

import psycopg
import pytest
from django.apps import apps
from django.db.models import ForeignKey

TENANT_TABLES = {
    "drf_deployments", "drf_model_mappings", "drf_retraining_requests", "drf_retraining_rules", "drf_suggestions",
    "drf_bad_windows", "drf_budgets", "drf_budget_loads",
    "drf_alert_events", "drf_alert_runs", "drf_health_reviews",
    "drf_baseline_frames", "drf_error_bins", "drf_profiles", "drf_signal_changes",
    "drf_alerts", "drf_api_keys", "drf_audit", "drf_backtests", "drf_baselines", "drf_detections", "drf_memberships",
    "drf_channels", "drf_connections", "drf_routes", "drf_route_channels", "drf_silences",
    "drf_maintenance_windows", "drf_notifications",
    "drf_document_objects", "drf_documents", "drf_given_labels", "drf_label_audits",
    "drf_detector_states", "drf_jobs", "drf_monitors", "drf_outbox", "drf_outbox_keys", "drf_outcome_batches",
    "drf_outcome_streams", "drf_pending_outcomes", "drf_quotas",
    "drf_reports", "drf_run_parts", "drf_runs", "drf_saved_filters", "drf_tenants", "drf_usage",
}  # fmt: skip

# Reached before a tenant is known, or unique in the whole world.
COLUMNS_WITHOUT_TENANT = {"user_id", "sha256", "event_id", "slug"}
# The relay and the reconciler look across tenants, in these small partial indexes, and for what is too old in these.
SWEEPERS = {
    "alert_event_to_route", "alert_resolved", "alert_snoozed", "retraining_request_to_end",
    "backtest_finished", "backtest_running", "baseline_building", "job_finished",
    "notification_due", "notification_due_of_channel", "notification_waits",
    "outbox_by_age", "outbox_put_off", "outbox_unpublished", "run_due",
}  # fmt: skip
BY_AGE = {
    "baseline_oldest",
    "health_review_by_age",
    "label_audit_by_age",
    "notification_by_age",
    "outcome_batch_by_age",
    "pending_outcome_by_age",
    "run_oldest",
    "usage_by_age",
}

WITH_TENANT = """
    SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
        AND (c.relname = 'drf_tenants'
        OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'))
"""
INDEXES = f"""
    SELECT i.relname, first.attname, x.indpred IS NOT NULL FROM ({WITH_TENANT}) t
    JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_attribute first ON first.attrelid = t.oid AND first.attnum = x.indkey[0]
    WHERE NOT x.indisprimary
"""
FOREIGN_KEYS = f"""
    SELECT f.conname, f.conrelid::regclass::text,
        ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = f.conrelid AND attnum = ANY (f.conkey)),
        ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = f.confrelid AND attnum = ANY (f.confkey))
    FROM pg_constraint f JOIN ({WITH_TENANT}) t ON t.oid = f.conrelid JOIN ({WITH_TENANT}) u ON u.oid = f.confrelid
    WHERE f.contype = 'f' AND u.relname <> 'drf_tenants'
"""


def test_tables__with_a_tenant__are_the_ones_we_know(owner: psycopg.Connection) -> None:
    assert {name for _, name, _, _ in owner.execute(WITH_TENANT)} == TENANT_TABLES


def test_tables__with_a_tenant__have_row_security_enabled_and_forced(
    owner: psycopg.Connection,
) -> None:
    assert {
        name for _, name, enabled, forced in owner.execute(WITH_TENANT) if enabled and forced
    } == TENANT_TABLES


def test_tables__every_model_of_ours__has_a_tenant_or_is_about_people_or_offsets(
    owner: psycopg.Connection,
) -> None:
    ours = {
        model._meta.db_table
        for model in apps.get_models()
        if model._meta.db_table.startswith("drf_")
    }
    assert ours - TENANT_TABLES == {"drf_users", "drf_consumer_offsets"}


@pytest.mark.parametrize("table", sorted(TENANT_TABLES))
def test_policy__tenant_isolation__guards_reading_and_writing(
    owner: psycopg.Connection, table: str
) -> None:
    query = "SELECT cmd, roles, qual, with_check FROM pg_policies WHERE tablename = %s AND policyname = %s"
    [(command, roles, using, check)] = owner.execute(query, [table, "tenant_isolation"]).fetchall()
    assert (command, roles) == ("ALL", ["public"])
    column = "id" if table == "drf_tenants" else "tenant_id"
    assert using == check
    assert using.startswith(
        f"({column} = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))"
    )


def test_policies__beside_isolation__are_these_and_give_the_app_nothing_to_write(
    owner: psycopg.Connection,
) -> None:
    query = "SELECT policyname, cmd, roles FROM pg_policies WHERE policyname <> 'tenant_isolation'"
    assert {(name, command, *roles) for name, command, roles in owner.execute(query)} == {
        ("api_key_presented", "SELECT", "public"),
        ("audit_owner_forgets", "UPDATE", "drift_owner"),
        ("audit_owner_reads", "SELECT", "drift_owner"),
        ("audit_owner_writes", "INSERT", "drift_owner"),
        ("tenant_owner_lists", "SELECT", "drift_owner"),
        ("membership_own", "SELECT", "public"),
        ("tenant_named", "SELECT", "public"),
        ("tenant_of_member", "SELECT", "drf_web"),
        ("backtest_reconciler_reads", "SELECT", "drf_scheduler"),
        ("backtest_reconciler_removes", "DELETE", "drf_scheduler"),
        ("baseline_reconciler_removes", "DELETE", "drf_scheduler"),
        ("outbox_key_of_a_monitor_stays", "DELETE", "drf_app"),
        ("baseline_reconciler_reads", "SELECT", "drf_scheduler"),
        ("run_part_reconciler_reads", "SELECT", "drf_scheduler"),
        ("run_part_reconciler_removes", "DELETE", "drf_scheduler"),
        ("outcome_reconciler_reads", "SELECT", "drf_scheduler"),
        ("outcome_reconciler_removes", "DELETE", "drf_scheduler"),
        ("run_reconciler_reads", "SELECT", "drf_scheduler"),
        ("alert_reconciler_reads", "SELECT", "drf_scheduler"),
        ("alert_reconciler_removes", "DELETE", "drf_scheduler"),
        ("run_reconciler_removes", "DELETE", "drf_scheduler"),
        ("job_reconciler_reads", "SELECT", "drf_scheduler"),
        ("job_reconciler_removes", "DELETE", "drf_scheduler"),
        ("label_audit_reconciler_reads", "SELECT", "drf_scheduler"),
        ("label_audit_reconciler_removes", "DELETE", "drf_scheduler"),
        ("quota_scheduler_reads", "SELECT", "drf_scheduler"),
        ("usage_scheduler_reads", "SELECT", "drf_scheduler"),
        ("usage_scheduler_begins", "INSERT", "drf_scheduler"),
        ("usage_scheduler_counts", "UPDATE", "drf_scheduler"),
        ("usage_reconciler_removes", "DELETE", "drf_scheduler"),
        ("retraining_reconciler_reads", "SELECT", "drf_scheduler"),
        ("retraining_reconciler_ends", "UPDATE", "drf_scheduler"),
        ("monitor_scheduler_reads", "SELECT", "drf_scheduler"),
        ("run_scheduler_writes", "INSERT", "drf_scheduler"),
        ("run_reconciler_returns", "UPDATE", "drf_scheduler"),
        ("health_review_scheduler_reads", "SELECT", "drf_scheduler"),
        ("health_review_scheduler_asks", "INSERT", "drf_scheduler"),
        ("health_review_scheduler_marks", "UPDATE", "drf_scheduler"),
        ("alert_event_notifier_finds", "SELECT", "drf_notifier"),
        ("notification_notifier_finds", "SELECT", "drf_notifier"),
        ("notification_notifier_removes", "DELETE", "drf_notifier"),
        ("outbox_relay_reads", "SELECT", "drf_relay"),
        ("outbox_relay_marks", "UPDATE", "drf_relay"),
        ("outbox_relay_forgets", "DELETE", "drf_relay"),
    }


def test_indexes__of_tenant_tables__lead_with_the_tenant(owner: psycopg.Connection) -> None:
    allowed = {"tenant_id", *COLUMNS_WITHOUT_TENANT}
    rest = {
        name: is_partial
        for name, first, is_partial in owner.execute(INDEXES)
        if first not in allowed
    }
    assert rest == dict.fromkeys(SWEEPERS, True) | dict.fromkeys(BY_AGE, False)


def test_indexes__of_tenant_tables__most_lead_with_the_tenant(owner: psycopg.Connection) -> None:
    leading = {name for name, first, _ in owner.execute(INDEXES) if first == "tenant_id"}
    assert {
        "monitor_newest",
        "monitor_name_once",
        "run_once_per_tick",
        "alert_newest",
        "membership_once",
    } <= leading


def test_foreign_keys__between_tenant_tables__include_the_tenant(owner: psycopg.Connection) -> None:
    keys = owner.execute(FOREIGN_KEYS).fetchall()
    assert [
        name
        for name, _, columns, targets in keys
        if "tenant_id" not in columns or "tenant_id" not in targets
    ] == []


def test_foreign_keys__each_reference_of_a_model__stands_in_the_database(
    owner: psycopg.Connection,
) -> None:
    found = {
        (table, column)
        for _, table, columns, _ in owner.execute(FOREIGN_KEYS)
        for column in columns
    }
    wanted = {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, ForeignKey) and field.deconstruct()[3].get("db_constraint") is False
    }
    assert len(wanted) >= 9
    assert wanted <= found
