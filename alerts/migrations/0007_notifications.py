"""Channels, routes, silences, maintenance windows, notifications, and the notifier's narrow role."""

import datetime
import uuid

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls

TABLES = (
    "drf_channels",
    "drf_routes",
    "drf_route_channels",
    "drf_silences",
    "drf_maintenance_windows",
    "drf_notifications",
)
FOREIGN_KEYS = (
    ("drf_route_channels", "route_id", "drf_routes", "CASCADE"),
    ("drf_route_channels", "channel_id", "drf_channels", "CASCADE"),
    ("drf_notifications", "channel_id", "drf_channels", "CASCADE"),
    ("drf_notifications", "route_id", "drf_routes", "SET NULL (route_id)"),
    ("drf_notifications", "alert_id", "drf_alerts", "CASCADE"),
)
# The notifier reads what a message says of an alert, and not what people wrote about it.
OF_ALERTS = (
    "id, tenant_id, created_at, monitor_id, kind, slice_key, phase, attention, status, is_history, "
    "severity, peak_severity, announced_severity, summary, drifted_features, cause, occurrences, "
    "window_start, window_end, opened_at, resolved_at, snoozed_until"
)
CONFIGURATION = TABLES[:-1]
# Policies add up: without this, the notifier would see the rows of all tenants in the scope of one.
NO_SCOPE = "(SELECT nullif(current_setting('app.tenant_id', true), '')) IS NULL"


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0006_retraining"),
        ("tenancy", "0002_quotas"),
    ]

    operations = [
        migrations.CreateModel(
            name="Channel",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=100)),
                ("kind", models.CharField(max_length=20)),
                (
                    "address",
                    models.TextField(help_text="Encrypted; no answer of the service shows it."),
                ),
                (
                    "shown_address",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The address without its secrets.",
                        max_length=300,
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="A template of the subject, such as `{severity}: {monitor}`; empty for the usual one.",
                        max_length=200,
                    ),
                ),
                (
                    "most_per_hour",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Notifications in an hour; the rest is summarised. Empty: the setting.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "secret",
                    models.TextField(
                        blank=True,
                        default="",
                        help_text="Of a webhook, encrypted: what its signatures are made with.",
                    ),
                ),
                ("previous_secret", models.TextField(blank=True, default="")),
                (
                    "previous_secret_until",
                    models.DateTimeField(
                        blank=True, help_text="Until then both secrets sign.", null=True
                    ),
                ),
                ("created_by", models.CharField(blank=True, default="", max_length=200)),
                ("updated_at", models.DateTimeField(auto_now=True)),
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
            ],
            options={
                "db_table": "drf_channels",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="MaintenanceWindow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=100)),
                ("matchers", models.JSONField(blank=True, default=dict)),
                ("cron", models.CharField(max_length=200)),
                ("duration", models.DurationField()),
                ("timezone", models.CharField(default="UTC", max_length=64)),
                ("enabled", models.BooleanField(default=True)),
                ("created_by", models.CharField(blank=True, default="", max_length=200)),
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
            ],
            options={
                "db_table": "drf_maintenance_windows",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Route",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=100)),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=100, help_text="Routes are tried in this order, and then by name."
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "matchers",
                    models.JSONField(blank=True, default=dict, help_text="Empty: every alert."),
                ),
                (
                    "continues",
                    models.BooleanField(
                        default=True,
                        help_text="False: no later route is tried for an alert that matches.",
                    ),
                ),
                (
                    "group_wait",
                    models.DurationField(
                        help_text="How long the first notification of an alert waits for what follows at once."
                    ),
                ),
                (
                    "group_interval",
                    models.DurationField(
                        help_text="The least time between two notifications of an alert."
                    ),
                ),
                (
                    "repeat_interval",
                    models.DurationField(
                        blank=True,
                        help_text="How often an alert that has no attention is repeated.",
                        null=True,
                    ),
                ),
                (
                    "digest",
                    models.CharField(
                        choices=[("none", "None"), ("daily", "Daily"), ("weekly", "Weekly")],
                        default="none",
                        max_length=10,
                    ),
                ),
                ("digest_at", models.TimeField(default=datetime.time(12, 0))),
                (
                    "digest_weekday",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="Of a weekly digest: 0 is Monday."
                    ),
                ),
                ("timezone", models.CharField(default="UTC", max_length=64)),
                ("quiet_from", models.TimeField(blank=True, null=True)),
                ("quiet_until", models.TimeField(blank=True, null=True)),
                (
                    "quiet_for_critical",
                    models.BooleanField(
                        default=False,
                        help_text="True: critical alerts wait for the end of the quiet hours, too.",
                    ),
                ),
                (
                    "escalate_after",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Seconds without attention, one for each step.",
                    ),
                ),
                ("created_by", models.CharField(blank=True, default="", max_length=200)),
                ("updated_at", models.DateTimeField(auto_now=True)),
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
            ],
            options={
                "db_table": "drf_routes",
                "ordering": ["position", "name"],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("lease_token", models.UUIDField(null=True)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                ("worker", models.CharField(blank=True, max_length=200)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("alert", "Alert"),
                            ("update", "Update"),
                            ("resolved", "Resolved"),
                            ("repeat", "Repeat"),
                            ("escalation", "Escalation"),
                            ("digest", "Digest"),
                            ("summary", "Summary"),
                        ],
                        max_length=10,
                    ),
                ),
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
                    "events",
                    models.JSONField(
                        default=list, help_text="The ids of the alert events that it covers."
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("sent", "Sent"),
                            ("given_up", "Given Up"),
                            ("suppressed", "Suppressed"),
                            ("summarised", "Summarised"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True, default="")),
                ("due_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "tries",
                    models.JSONField(
                        default=list, help_text="When it was tried, and what the channel said."
                    ),
                ),
                (
                    "suppressed_by",
                    models.UUIDField(
                        help_text="The silence, maintenance window or summary that it is suppressed by.",
                        null=True,
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="notifications",
                        to="alerts.alert",
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="notifications",
                        to="alerts.channel",
                    ),
                ),
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
                (
                    "route",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="alerts.route",
                    ),
                ),
            ],
            options={
                "db_table": "drf_notifications",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="RouteChannel",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("step", models.PositiveSmallIntegerField(default=0)),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="route_channels",
                        to="alerts.channel",
                    ),
                ),
                (
                    "route",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="route_channels",
                        to="alerts.route",
                    ),
                ),
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
            ],
            options={
                "db_table": "drf_route_channels",
                "ordering": ["step", "created_at"],
            },
        ),
        migrations.CreateModel(
            name="Silence",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("matchers", models.JSONField(blank=True, default=dict)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=500)),
                ("author", models.CharField(max_length=200)),
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
            ],
            options={
                "db_table": "drf_silences",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="channel_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.UniqueConstraint(fields=("tenant", "name"), name="channel_name_once"),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("previous_secret", ""),
                    ("previous_secret_until__isnull", False),
                    _connector="OR",
                ),
                name="channel_previous_secret_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="maintenance_window_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.UniqueConstraint(
                fields=("tenant", "name"), name="maintenance_window_name_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="route_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(fields=("tenant", "name"), name="route_name_once"),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("quiet_from__isnull", True), ("quiet_until__isnull", True)),
                    models.Q(("quiet_from__isnull", False), ("quiet_until__isnull", False)),
                    _connector="OR",
                ),
                name="route_quiet_hours_have_both_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.CheckConstraint(
                condition=models.Q(("digest_weekday__lte", 6)), name="route_weekday"
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["tenant", "-created_at", "-id"], name="notification_newest"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["tenant", "alert", "channel"], name="notification_of_alert"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                fields=["tenant", "channel", "sent_at"], name="notification_of_channel"
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["tenant", "route"], name="notification_of_route"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("status", "pending")),
                fields=["due_at"],
                name="notification_due",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["created_at"], name="notification_by_age"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="notification_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(
                condition=models.Q(("attempt", 0), ("kind", "digest"), ("status", "pending")),
                fields=("tenant", "channel", "route", "due_at"),
                name="notification_one_digest_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("sent_at__isnull", False), ("status", "sent")),
                    models.Q(
                        models.Q(("status", "sent"), _negated=True), ("sent_at__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="notification_sent_at_its_time",
            ),
        ),
        migrations.AddIndex(
            model_name="routechannel",
            index=models.Index(fields=["tenant", "channel"], name="route_channel_of_channel"),
        ),
        migrations.AddConstraint(
            model_name="routechannel",
            constraint=models.UniqueConstraint(
                fields=("tenant", "route", "channel"), name="route_channel_once"
            ),
        ),
        migrations.AddIndex(
            model_name="silence",
            index=models.Index(fields=["tenant", "ends_at"], name="silence_by_end"),
        ),
        migrations.AddConstraint(
            model_name="silence",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="silence_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="silence",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                name="silence_ends_after_it_starts",
            ),
        ),
        *[rls.enable_tenant_rls(table) for table in TABLES],
        *[rls.tenant_foreign_key(*key, on_delete=then) for *key, then in FOREIGN_KEYS],
        rls.create_group_roles(),
        rls.grant("USAGE", "SCHEMA public", rls.NOTIFIER),
        rls.grant("SELECT (id, tenant_id, name, model_id)", "drf_monitors", rls.NOTIFIER),
        rls.grant(f"SELECT ({OF_ALERTS})", "drf_alerts", rls.NOTIFIER),
        rls.grant("SELECT, UPDATE (routed_at)", "drf_alert_events", rls.NOTIFIER),
        *[rls.grant("SELECT", table, rls.NOTIFIER) for table in CONFIGURATION],
        rls.grant("SELECT, INSERT, UPDATE, DELETE", "drf_notifications", rls.NOTIFIER),
        # Without a tenant's scope, it sees what waits for it and what is too old, and no more.
        rls.policy(
            "alert_event_notifier_finds",
            "drf_alert_events",
            to=rls.NOTIFIER,
            using=f"{NO_SCOPE} AND notifies AND routed_at IS NULL",
        ),
        rls.policy(
            "notification_notifier_finds", "drf_notifications", to=rls.NOTIFIER, using=NO_SCOPE
        ),
        rls.policy(
            "notification_notifier_removes",
            "drf_notifications",
            command="DELETE",
            to=rls.NOTIFIER,
            using=f"{NO_SCOPE} AND status <> 'pending'",
        ),
    ]
