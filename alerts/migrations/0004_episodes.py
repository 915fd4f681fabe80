"""The runs of the alerts that are there, and alerts of performance as a kind of their own."""

from django.db import migrations

# Row-level security would hide all rows from the owner, too.
TABLES = ("drf_alerts", "drf_alert_runs", "drf_runs")
METRICS = "'performance', 'estimated_performance'"
OF_PERFORMANCE = f"""
    UPDATE drf_alerts SET kind = 'performance'
    WHERE kind = 'statistical' AND jsonb_array_length(drifted_features) > 0 AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(drifted_features) AS entry
        WHERE entry ->> 'method' NOT IN ({METRICS}))
"""
RUNS = """
    INSERT INTO drf_alert_runs (id, created_at, tenant_id, alert_id, run_id, track, window_start,
        window_end, verdict, severity, is_late, observation, state_after)
    SELECT gen_random_uuid(), run.finished_at, run.tenant_id, alert.id, run.id,
        CASE run.trigger WHEN 'labels' THEN 'follow_up' WHEN 'outcomes' THEN 'outcomes'
            ELSE 'check' END,
        run.window_start, run.window_end, run.verdict, '', false, '{}', '{}'
    FROM drf_alerts AS alert JOIN drf_runs AS run USING (tenant_id, monitor_id)
    WHERE run.verdict = 'drift' AND (run.trigger = 'outcomes') = (alert.kind = 'concept')
        AND run.window_start >= alert.window_start AND run.window_end <= alert.window_end
    ON CONFLICT DO NOTHING
"""

# The foreign keys of the new rows are checked before their tables change again.
CHECK_NOW = "SET CONSTRAINTS ALL IMMEDIATE"


def _force(*, is_forced: bool) -> list[str]:
    verb = "FORCE" if is_forced else "NO FORCE"
    return [f"ALTER TABLE {table} {verb} ROW LEVEL SECURITY" for table in TABLES]


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0003_workflow"),
        ("detections", "0006_raises_alerts"),
        ("monitors", "0006_alert_rules"),
    ]

    operations = [
        migrations.RunSQL(
            [
                *_force(is_forced=False),
                OF_PERFORMANCE,
                RUNS,
                CHECK_NOW,
                *_force(is_forced=True),
            ],
            migrations.RunSQL.noop,
        ),
    ]
