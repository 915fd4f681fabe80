from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0011_oldest"),
        ("monitors", "0007_retention"),
    ]

    operations = [
        migrations.AddIndex(
            "backtest",
            models.Index(
                condition=models.Q(("finished_at__isnull", False)),
                fields=["finished_at"],
                name="backtest_finished",
            ),
        ),
        migrations.AddIndex(
            "backtest", models.Index(fields=["tenant", "baseline"], name="backtest_of_baseline")
        ),
        # The reconciler removes old backtests, and the baselines that no run, part or backtest refers to.
        rls.grant("SELECT (baseline_id, finished_at), DELETE", "drf_backtests", rls.SCHEDULER),
        rls.policy(
            "backtest_reconciler_removes",
            "drf_backtests",
            command="DELETE",
            to=rls.SCHEDULER,
            using="status <> 'running'",
        ),
        rls.grant("SELECT (baseline_id)", "drf_runs", rls.SCHEDULER),
        rls.grant("SELECT (baseline_id)", "drf_run_parts", rls.SCHEDULER),
    ]
