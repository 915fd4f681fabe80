"""Phases and attention, the events of an alert, and the runs that belong to it."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls

# Row-level security would hide all rows from the owner, too.
MOVE_STATUS = """
    ALTER TABLE drf_alerts NO FORCE ROW LEVEL SECURITY;
    UPDATE drf_alerts SET
        phase = CASE WHEN status = 'resolved' THEN 'resolved' ELSE 'open' END,
        attention = CASE WHEN acknowledged_at IS NULL THEN 'new' ELSE 'acknowledged' END,
        peak_severity = severity,
        announced_severity = severity,
        opened_at = created_at;
    ALTER TABLE drf_alerts FORCE ROW LEVEL SECURITY;
"""
RESTORE_STATUS = """
    ALTER TABLE drf_alerts NO FORCE ROW LEVEL SECURITY;
    UPDATE drf_alerts SET status = CASE WHEN phase = 'resolved' THEN 'resolved'
        WHEN acknowledged_at IS NULL THEN 'open' ELSE 'acknowledged' END;
    ALTER TABLE drf_alerts FORCE ROW LEVEL SECURITY;
"""
RESTORE_POLICY = """
    CREATE POLICY alert_reconciler_removes ON drf_alerts FOR DELETE TO drf_scheduler
    USING (status = 'resolved')
"""


def _tenant_table(table: str, *, run_removed: str) -> list[migrations.RunSQL]:
    """Row-level security, and foreign keys that lead with the tenant."""
    return [
        rls.enable_tenant_rls(table),
        rls.tenant_foreign_key(table, "alert_id", "drf_alerts"),
        rls.tenant_foreign_key(table, "run_id", "drf_runs", on_delete=run_removed),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0002_rls"),
        ("detections", "0005_schema_findings"),
        ("monitors", "0005_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "number",
                    models.PositiveIntegerField(
                        help_text="1 for the alert's first event, and so on."
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("opened", "Opened"),
                            ("worsened", "Worsened"),
                            ("recovering", "Recovering"),
                            ("relapsed", "Relapsed"),
                            ("resolved", "Resolved"),
                            ("faded", "Faded"),
                            ("late_run", "Late Run"),
                            ("corrected", "Corrected"),
                            ("acknowledged", "Acknowledged"),
                            ("snoozed", "Snoozed"),
                            ("snooze_ended", "Snooze Ended"),
                            ("assigned", "Assigned"),
                            ("commented", "Commented"),
                            ("retraining", "Retraining"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "actor",
                    models.CharField(
                        blank=True,
                        help_text="A person or an API key; empty for the service.",
                        max_length=200,
                    ),
                ),
                ("from_phase", models.CharField(blank=True, max_length=10)),
                ("to_phase", models.CharField(blank=True, max_length=10)),
                ("from_attention", models.CharField(blank=True, max_length=12)),
                ("to_attention", models.CharField(blank=True, max_length=12)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("info", "info"),
                            ("warning", "warning"),
                            ("critical", "critical"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "reason",
                    models.TextField(
                        blank=True, help_text="The cause of the transition, in words."
                    ),
                ),
                ("note", models.TextField(blank=True)),
                ("details", models.JSONField(default=dict)),
                (
                    "notifies",
                    models.BooleanField(default=False, help_text="People are notified of it."),
                ),
                (
                    "routed_at",
                    models.DateTimeField(
                        help_text="When the notifier chose the channels for it.", null=True
                    ),
                ),
            ],
            options={
                "db_table": "drf_alert_events",
                "ordering": ["created_at", "number"],
            },
        ),
        migrations.CreateModel(
            name="AlertRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "track",
                    models.CharField(help_text="check, follow_up or outcomes.", max_length=10),
                ),
                ("window_start", models.DateTimeField()),
                ("window_end", models.DateTimeField()),
                ("verdict", models.CharField(max_length=20)),
                (
                    "severity",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("info", "info"),
                            ("warning", "warning"),
                            ("critical", "critical"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "is_late",
                    models.BooleanField(
                        default=False, help_text="A newer window had been judged when it ended."
                    ),
                ),
                ("observation", models.JSONField(default=dict)),
                ("state_after", models.JSONField(default=dict)),
            ],
            options={
                "db_table": "drf_alert_runs",
                "ordering": ["window_end", "window_start", "created_at"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="alert",
            name="alert_one_unresolved_per_monitor_and_kind",
        ),
        migrations.RemoveConstraint(
            model_name="alert",
            name="alert_resolved_has_a_time",
        ),
        migrations.AddField(
            model_name="alert",
            name="acknowledged_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("real", "Real"),
                    ("expected", "Expected"),
                    ("data_bug", "Data Bug"),
                    ("noise", "Noise"),
                ],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="announced_severity",
            field=models.CharField(
                blank=True,
                choices=[("info", "info"), ("warning", "warning"), ("critical", "critical")],
                help_text="The highest severity that people were notified of.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="assignee",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="alert",
            name="attention",
            field=models.CharField(
                choices=[("new", "New"), ("acknowledged", "Acknowledged"), ("snoozed", "Snoozed")],
                default="new",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="cause",
            field=models.JSONField(
                db_default={},
                default=dict,
                help_text="The features that changed alike, and the likely cause.",
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="is_history",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Found by runs over the past; people were not notified.",
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="opened_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Null for an episode that was never more than pending.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="peak_severity",
            field=models.CharField(
                choices=[("info", "info"), ("warning", "warning"), ("critical", "critical")],
                default="info",
                help_text="The highest severity of all its runs.",
                max_length=10,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="alert",
            name="phase",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("open", "Open"),
                    ("recovering", "Recovering"),
                    ("resolved", "Resolved"),
                ],
                default="open",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="previous",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="alerts.alert",
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="slice_key",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The part of the data that the episode is about; empty for all of it.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="snoozed_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="alert",
            name="state",
            field=models.JSONField(
                db_default={},
                default=dict,
                help_text="What the next run needs to know of the runs before.",
            ),
        ),
        migrations.AlterField(
            model_name="alert",
            name="first_run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="detections.detectionrun",
            ),
        ),
        migrations.AlterField(
            model_name="alert",
            name="kind",
            field=models.CharField(
                choices=[
                    ("statistical", "Statistical"),
                    ("concept", "Concept"),
                    ("performance", "Performance"),
                    ("health", "Health"),
                ],
                default="statistical",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="alert",
            name="last_run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="detections.detectionrun",
            ),
        ),
        migrations.AlterField(
            model_name="alert",
            name="severity",
            field=models.CharField(
                choices=[("info", "info"), ("warning", "warning"), ("critical", "critical")],
                help_text="The severity of the newest drifted window.",
                max_length=10,
            ),
        ),
        migrations.RunSQL(MOVE_STATUS, RESTORE_STATUS),
        migrations.RunSQL(
            "DROP POLICY IF EXISTS alert_reconciler_removes ON drf_alerts", RESTORE_POLICY
        ),
        migrations.RemoveField(model_name="alert", name="status"),
        migrations.AddField(
            model_name="alert",
            name="status",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(phase="resolved", then=models.Value("resolved")),
                    models.When(
                        attention__in=["acknowledged", "snoozed"], then=models.Value("acknowledged")
                    ),
                    default=models.Value("open"),
                    output_field=models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("acknowledged", "Acknowledged"),
                            ("resolved", "Resolved"),
                        ],
                        max_length=12,
                    ),
                ),
                help_text="The phase and the attention in one word.",
                output_field=models.CharField(
                    choices=[
                        ("open", "Open"),
                        ("acknowledged", "Acknowledged"),
                        ("resolved", "Resolved"),
                    ],
                    max_length=12,
                ),
            ),
        ),
        migrations.AlterField(
            model_name="alert",
            name="window_end",
            field=models.DateTimeField(help_text="End of the last drifted window.", null=True),
        ),
        migrations.AlterField(
            model_name="alert",
            name="window_start",
            field=models.DateTimeField(help_text="Start of the first drifted window.", null=True),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["tenant", "previous"], name="alert_of_previous"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("attention", "snoozed")),
                fields=["snoozed_until"],
                name="alert_snoozed",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="alert_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(("phase", "resolved"), _negated=True), ("is_history", False)
                ),
                fields=("tenant", "monitor", "kind", "slice_key"),
                name="alert_one_unresolved_per_monitor_kind_and_slice",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("phase", "resolved"), ("resolved_at__isnull", False)),
                    models.Q(
                        models.Q(("phase", "resolved"), _negated=True),
                        ("resolved_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="alert_resolved_at_its_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("attention", "snoozed"), _negated=True),
                    ("snoozed_until__isnull", False),
                    _connector="OR",
                ),
                name="alert_snoozed_has_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("phase__in", ["open", "recovering"]), _negated=True),
                    ("opened_at__isnull", False),
                    _connector="OR",
                ),
                name="alert_open_was_opened",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("window_end__isnull", True), ("window_start__isnull", True)),
                    ("window_start__lt", models.F("window_end")),
                    _connector="OR",
                ),
                name="alert_windows_ordered",
            ),
        ),
        migrations.AddField(
            model_name="alertevent",
            name="alert",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="alerts.alert",
            ),
        ),
        migrations.AddField(
            model_name="alertevent",
            name="run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="detections.detectionrun",
            ),
        ),
        migrations.AddField(
            model_name="alertevent",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="tenancy.tenant",
            ),
        ),
        migrations.AddField(
            model_name="alertrun",
            name="alert",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="runs",
                to="alerts.alert",
            ),
        ),
        migrations.AddField(
            model_name="alertrun",
            name="run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="detections.detectionrun",
            ),
        ),
        migrations.AddField(
            model_name="alertrun",
            name="tenant",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="tenancy.tenant",
            ),
        ),
        migrations.AddIndex(
            model_name="alertevent",
            index=models.Index(fields=["tenant", "run"], name="alert_event_of_run"),
        ),
        migrations.AddIndex(
            model_name="alertevent",
            index=models.Index(
                condition=models.Q(("notifies", True), ("routed_at__isnull", True)),
                fields=["created_at", "id"],
                name="alert_event_to_route",
            ),
        ),
        migrations.AddConstraint(
            model_name="alertevent",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="alert_event_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="alertevent",
            constraint=models.UniqueConstraint(
                fields=("tenant", "alert", "number"), name="alert_event_number_once"
            ),
        ),
        migrations.AddIndex(
            model_name="alertrun",
            index=models.Index(
                fields=["tenant", "alert", "window_end"], name="alert_run_by_window"
            ),
        ),
        migrations.AddIndex(
            model_name="alertrun",
            index=models.Index(fields=["tenant", "run"], name="alert_run_of_run"),
        ),
        migrations.AddConstraint(
            model_name="alertrun",
            constraint=models.UniqueConstraint(
                fields=("tenant", "alert", "run"), name="alert_run_once"
            ),
        ),
        rls.policy(
            "alert_reconciler_removes",
            "drf_alerts",
            command="DELETE",
            to=rls.SCHEDULER,
            using="phase = 'resolved'",
        ),
        rls.tenant_foreign_key(
            "drf_alerts", "previous_id", "drf_alerts", on_delete="SET NULL (previous_id)"
        ),
        *_tenant_table("drf_alert_events", run_removed="SET NULL (run_id)"),
        *_tenant_table("drf_alert_runs", run_removed="CASCADE"),
    ]
