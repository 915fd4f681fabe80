import datetime

from django.db import migrations, models

from drift_detector.tenancy import rls

COLUMNS = 'id, tenant_id, status, timezone, "window", window_lag, catch_up, misfire_grace'


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0004_concept"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="monitor",
            name="catch_up",
            field=models.CharField(
                choices=[("skip", "Skip"), ("latest", "Latest"), ("all", "All")],
                default="latest",
                help_text="Which ticks run late, after the scheduler was away: none, the latest, or all.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="monitor",
            name="misfire_grace",
            field=models.DurationField(
                default=datetime.timedelta(seconds=60),
                help_text="How late a tick is still on time, and runs whatever catch_up says.",
            ),
        ),
        migrations.AddConstraint(
            model_name="monitor",
            constraint=models.CheckConstraint(
                condition=models.Q(("misfire_grace__gte", datetime.timedelta(0))),
                name="monitor_grace_not_negative",
            ),
        ),
        # Beat reads the monitors of all tenants, and of them what a tick is made of.
        rls.revoke("SELECT", "drf_monitors", rls.SCHEDULER),
        rls.grant(f"SELECT ({COLUMNS})", "drf_monitors", rls.SCHEDULER),
        rls.policy("monitor_scheduler_reads", "drf_monitors", to=rls.SCHEDULER, using="true"),
    ]
