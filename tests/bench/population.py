"""Tenants with many monitors, written by SQL: what is measured is the scheduler and the ledger, not the API."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg

from drift_detector.scheduling.schedules import TICK_TASK

TABLES = "drf_tenants, django_celery_beat_periodictask, django_celery_beat_crontabschedule"
CRONTAB = """
    INSERT INTO django_celery_beat_crontabschedule (minute, hour, day_of_week, day_of_month, month_of_year, timezone)
    VALUES (%s, '*', '*', '*', '*', 'UTC') RETURNING id
"""
MONITORS = """
    INSERT INTO drf_monitors (id, tenant_id, created_at, updated_at, name, model_id, status, reference_data_uri,
        current_data_uri, timestamp_column, feature_columns, "window", window_lag, schedule_cron, timezone, catch_up,
        misfire_grace, methods, policy, thresholds, tolerances, min_rows, feature_kinds, importances,
        sensitive_features, seasonal_weeks,
        prediction_column, label_column, score_column, positive_label, performance_limits, concept_methods,
        detector_settings, error_batch, open_after, resolve_after, retraining_enabled, created_by)
    SELECT gen_random_uuid(), %(tenant)s, now(), now(), 'monitor ' || each, gen_random_uuid(), 'active', '/nowhere',
        '/nowhere', 'at', '[]', '1 day', '0', '0 * * * *', 'UTC', 'latest', '1 minute', '["psi"]',
        'evidence_and_effect', '{}', '{}', 50, '{}', '{}', '[]', 0, '', '', '', '1', '{}', '[]', '{}', 1,
        NULL, 2, true, 'bench'
    FROM generate_series(1, %(count)s) AS each
"""
SCHEDULES = """
    INSERT INTO django_celery_beat_periodictask (name, task, args, kwargs, enabled, one_off, headers, total_run_count,
        date_changed, description, crontab_id, last_run_at)
    SELECT 'monitor:' || id, %(task)s, '[]', '{}', true, false, '{}', 0, now(), '',
        (%(crontabs)s::int[])[1 + (%(before)s + row_number() OVER ()) %% cardinality(%(crontabs)s::int[])], now()
    FROM drf_monitors WHERE tenant_id = %(tenant)s
"""


def populate(*, monitors: int, tenants: int, minutes: Sequence[int], task: str = TICK_TASK) -> None:
    """Have these monitors and no others, in equal shares; one after the other is due at the minutes of each hour."""
    with psycopg.connect(os.environ["DRIFT_OWNER_URL"]) as owner:
        owner.execute(f"TRUNCATE {TABLES} CASCADE")
        found = [owner.execute(CRONTAB, [str(minute)]).fetchone() for minute in minutes]
        crontabs = [row[0] for row in found if row]
        each = monitors // tenants
        for before in range(0, each * tenants, each):
            _fill(
                owner,
                each,
                {"tenant": uuid4(), "before": before, "crontabs": crontabs, "task": task},
            )
    with psycopg.connect(os.environ["DRIFT_OWNER_URL"], autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")


def _fill(owner: psycopg.Connection, count: int, schedules: dict[str, Any]) -> None:
    tenant = schedules["tenant"]
    owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant)])
    owner.execute(
        "INSERT INTO drf_tenants (id, slug, name, created_at) VALUES (%s, %s, 'Bench', now())",
        [tenant, tenant],
    )
    owner.execute(MONITORS, {"tenant": tenant, "count": count})
    owner.execute(SCHEDULES, schedules)


RUNS = """
    INSERT INTO drf_runs (id, tenant_id, created_at, monitor_id, trigger, scheduled_for, window_start, window_end,
        idempotency_key, request_hash, requested_by, status, attempt, worker, verdict, reason, rows,
        started_at, finished_at)
    SELECT gen_random_uuid(), tenant_id, tick, id, 'schedule', tick, tick - interval '1 day', tick, '', '', '',
        'succeeded', 1, 'bench', (ARRAY['ok', 'ok', 'ok', 'drift'])[1 + each %% 4], '', 1000, tick, tick
    FROM generate_series(1, %(each)s) AS each CROSS JOIN drf_monitors
        CROSS JOIN LATERAL (
            SELECT coalesce(%(until)s::timestamptz, now()) - make_interval(secs => each * %(seconds)s) AS tick
        ) AS ticks
    WHERE tenant_id = %(tenant)s ORDER BY each DESC
"""


QUEUED = """
    INSERT INTO drf_runs (id, tenant_id, created_at, monitor_id, trigger, scheduled_for, window_start, window_end,
        idempotency_key, request_hash, requested_by, status, attempt, worker, verdict, reason)
    SELECT gen_random_uuid(), tenant_id, now(), id, 'backfill', tick, tick - interval '1 day', tick, '', '', '',
        'queued', 0, '', '', ''
    FROM generate_series(1, %(each)s) AS each CROSS JOIN drf_monitors
        CROSS JOIN LATERAL (SELECT now() + make_interval(secs => each) AS tick) AS ticks
    WHERE tenant_id = %(tenant)s
"""


def queue_runs(owner: psycopg.Connection, tenant: UUID, *, each: int) -> None:
    """Give each monitor of a tenant so many runs that wait."""
    with owner.transaction():
        owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant)])
        owner.execute(QUEUED, {"tenant": tenant, "each": each})


def fill_ledger(
    owner: psycopg.Connection, tenant: UUID, *, each: int, days: int, until: datetime | None = None
) -> None:
    """Give each monitor of a tenant so many runs that have ended, evenly over the days until then, or now."""
    values = {"tenant": tenant, "each": each, "seconds": days * 86400 / each, "until": until}
    with owner.transaction():
        owner.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant)])
        owner.execute(RUNS, values)
