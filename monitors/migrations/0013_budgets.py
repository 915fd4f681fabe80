"""False-alarm budgets, and the load of each: the runs that share it, counted by triggers of the monitors."""

import uuid
from typing import Any

import django.core.validators
import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from drift_detector.scheduling.cron import BadSchedule, runs_per_month
from drift_detector.tenancy import rls
from drift_detector.tenancy.audit_triggers import audit

BUDGETS, LOADS = "drf_budgets", "drf_budget_loads"

# The rounding makes sums exact: what a monitor adds is what it takes away again.
# Monitors of the policy `threshold` have no p-value that a level could be held against.
SHARES = "status = 'active' AND policy <> 'threshold'"
LOAD = f"CASE WHEN {SHARES} THEN round((runs_per_month * budget_weight)::numeric, 6) ELSE 0 END"
COUNTED = f"({SHARES})::int"
ROWS_ADDED = f"SELECT tenant_id, model_id, {LOAD} AS load, {COUNTED} AS monitors FROM rows_after"
ROWS_TAKEN = f"SELECT tenant_id, model_id, -{LOAD} AS load, -{COUNTED} AS monitors FROM rows_before"
SOURCES = {
    "insert": ROWS_ADDED,
    "update": f"{ROWS_ADDED} UNION ALL {ROWS_TAKEN}",
    "delete": ROWS_TAKEN,
}
TRANSITIONS = {
    "insert": "NEW TABLE AS rows_after",
    "update": "OLD TABLE AS rows_before NEW TABLE AS rows_after",
    "delete": "OLD TABLE AS rows_before",
}
# A row by model, and one of the tenant, whose model is null. Most changes of monitors change no load.
CHANGES = """
    SELECT tenant_id, model_id, sum(load) AS load, sum(monitors) AS monitors FROM ({source}) AS changed
    GROUP BY GROUPING SETS ((tenant_id), (tenant_id, model_id)) HAVING sum(load) <> 0 OR sum(monitors) <> 0
"""
# In order, the tenant's row first: two transactions cannot wait for each other.
RAISE = f"""
    INSERT INTO {LOADS} AS kept (id, created_at, tenant_id, model_id, load, monitors)
    SELECT gen_random_uuid(), now(), tenant_id, model_id, load, monitors FROM ({{changes}}) AS changes
    ORDER BY tenant_id, model_id NULLS FIRST
    ON CONFLICT (tenant_id, model_id) DO UPDATE
        SET load = kept.load + excluded.load, monitors = kept.monitors + excluded.monitors
"""
# A removed tenant's rows may be gone already; they are not written anew.
LOWER = f"""
    PERFORM 1 FROM {LOADS} WHERE model_id IS NULL AND tenant_id IN (SELECT tenant_id FROM rows_before)
    ORDER BY tenant_id FOR UPDATE;
    UPDATE {LOADS} AS kept SET load = kept.load + changes.load, monitors = kept.monitors + changes.monitors
    FROM ({{changes}}) AS changes WHERE kept.tenant_id = changes.tenant_id
    AND (kept.model_id = changes.model_id OR (kept.model_id IS NULL AND changes.model_id IS NULL))
"""
STATEMENTS = {"insert": RAISE, "update": RAISE, "delete": LOWER}
FUNCTION = """
CREATE OR REPLACE FUNCTION drf_budget_load_{event}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    {statement};
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE OR REPLACE TRIGGER budget_load_{event} AFTER {event} ON drf_monitors
REFERENCING {transition} FOR EACH STATEMENT EXECUTE FUNCTION drf_budget_load_{event}()
"""
COUNT_ALL = f"""
    INSERT INTO {LOADS} (id, created_at, tenant_id, model_id, load, monitors)
    SELECT gen_random_uuid(), now(), tenant_id, model_id, load, monitors FROM ({CHANGES}) AS changes
    ON CONFLICT DO NOTHING
"""


def count_load(event: str) -> migrations.RunSQL:
    """Keep the loads right through one sort of change of monitors."""
    changes = CHANGES.format(source=SOURCES[event])
    statement = STATEMENTS[event].format(changes=changes)
    return migrations.RunSQL(
        [
            FUNCTION.format(event=event, statement=statement),
            TRIGGER.format(event=event, transition=TRANSITIONS[event]),
        ],
        [
            f"DROP TRIGGER budget_load_{event} ON drf_monitors",
            f"DROP FUNCTION drf_budget_load_{event}()",
        ],
    )


def count_monitors(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Count the runs and loads of the monitors that there are, of all tenants."""
    source = ROWS_ADDED.replace("rows_after", "drf_monitors")
    with schema_editor.connection.cursor() as cursor:
        for table in ("drf_monitors", LOADS):
            cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        cursor.execute("ALTER TABLE drf_monitors DISABLE TRIGGER audit_row")
        cursor.execute("SELECT DISTINCT schedule_cron FROM drf_monitors")
        for (expression,) in cursor.fetchall():
            cursor.execute(
                "UPDATE drf_monitors SET runs_per_month = %s WHERE schedule_cron = %s",
                [_runs_of(expression), expression],
            )
        cursor.execute(COUNT_ALL.format(source=source))
        cursor.execute("ALTER TABLE drf_monitors ENABLE TRIGGER audit_row")
        for table in ("drf_monitors", LOADS):
            cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _runs_of(expression: str) -> float:
    try:
        return runs_per_month(expression)
    except BadSchedule:  # another program wrote it; it makes no runs
        return 0.0


def identity() -> tuple[tuple[str, Any], ...]:
    """The columns that each table of tenants has."""
    return (
        (
            "id",
            models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
        ),
        ("created_at", models.DateTimeField(auto_now_add=True)),
        (
            "tenant",
            models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="tenancy.tenant",
            ),
        ),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0012_connections"),
        ("tenancy", "0009_rights_by_process"),
        ("audit", "0002_triggers"),
    ]

    operations = [
        migrations.AddField(
            model_name="monitor",
            name="budget_weight",
            field=models.FloatField(
                db_default=1.0,
                default=1.0,
                help_text="Its runs get so many shares of the false-alarm budget: one of 2 opens alerts at twice the level of one of 1.",
                validators=[
                    django.core.validators.MinValueValidator(0.01),
                    django.core.validators.MaxValueValidator(100.0),
                ],
            ),
        ),
        migrations.AddField(
            model_name="monitor",
            name="runs_per_month",
            field=models.FloatField(
                db_default=30.4,
                default=30.4,
                editable=False,
                help_text="The runs that its schedule makes in 30.4 days, in the mean.",
            ),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.CheckConstraint(
                condition=models.Q(("budget_weight__gt", 0)), name="monitor_budget_weight_positive"
            ),
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                *identity(),
                (
                    "model_id",
                    models.UUIDField(help_text="Null: all monitors of the tenant.", null=True),
                ),
                (
                    "false_alerts_per_month",
                    models.FloatField(help_text="In 30.4 days, in the mean."),
                ),
                ("changed_by", models.CharField(max_length=200)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "db_table": BUDGETS,
                "ordering": ["created_at"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "model_id"),
                        name="budget_once_per_model",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("false_alerts_per_month__gt", 0)),
                        name="budget_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BudgetLoad",
            fields=[
                *identity(),
                (
                    "model_id",
                    models.UUIDField(help_text="Null: all monitors of the tenant.", null=True),
                ),
                (
                    "load",
                    models.DecimalField(
                        decimal_places=6,
                        help_text="The sum of weight times runs a month over active monitors.",
                        max_digits=20,
                    ),
                ),
                ("monitors", models.IntegerField(help_text="Active monitors.")),
            ],
            options={
                "db_table": LOADS,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "model_id"),
                        name="budget_load_once_per_model",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        rls.enable_tenant_rls(BUDGETS),
        rls.enable_tenant_rls(LOADS),
        # Workers keep to budgets; web lets people change them. The loads are the triggers' own.
        rls.revoke("INSERT, UPDATE, DELETE", f"{BUDGETS}, {LOADS}", rls.APP),
        rls.grant("INSERT, UPDATE, DELETE", BUDGETS, rls.WEB),
        audit(BUDGETS),
        migrations.RunPython(count_monitors, migrations.RunPython.noop),
        *map(count_load, SOURCES),
    ]
