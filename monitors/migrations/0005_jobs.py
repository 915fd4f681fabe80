"""The table of jobs: what requests ask of tenants' data, answered by workers."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0004_default_methods"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Job",
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
                            ("preview", "Preview"),
                            ("create_monitor", "Create Monitor"),
                            ("update_monitor", "Update Monitor"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("requested_by", models.CharField(max_length=200)),
                (
                    "fields",
                    models.JSONField(
                        default=dict, help_text="The fields of the request, as they came."
                    ),
                ),
                (
                    "monitor_id",
                    models.UUIDField(
                        help_text="The monitor that is changed, or that was created; it can be gone.",
                        null=True,
                    ),
                ),
                (
                    "answer_status",
                    models.PositiveSmallIntegerField(help_text="The HTTP status.", null=True),
                ),
                (
                    "answer",
                    models.TextField(blank=True, help_text="The body of the answer, as JSON."),
                ),
                ("finished_at", models.DateTimeField(null=True)),
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
                "db_table": "drf_jobs",
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ["queued", "running"])),
                        fields=["tenant", "created_at", "id"],
                        name="job_unfinished",
                    ),
                    models.Index(
                        condition=models.Q(("finished_at__isnull", False)),
                        fields=["finished_at"],
                        name="job_finished",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "id"), name="job_tenant_identity"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("answer_status__isnull", True),
                                ("finished_at__isnull", True),
                                ("status__in", ["queued", "running"]),
                            ),
                            models.Q(
                                ("answer_status__isnull", False),
                                ("finished_at__isnull", False),
                                ("status__in", ["succeeded", "failed"]),
                            ),
                            _connector="OR",
                        ),
                        name="job_finished_with_an_answer",
                    ),
                ],
            },
        ),
        rls.enable_tenant_rls("drf_jobs"),
        # The reconciler enqueues lost jobs and purges answered ones; it reads neither requests nor answers.
        rls.grant(
            "SELECT (id, tenant_id, status, created_at, lease_expires_at, finished_at), DELETE",
            "drf_jobs",
            rls.SCHEDULER,
        ),
        rls.policy("job_reconciler_reads", "drf_jobs", to=rls.SCHEDULER, using="true"),
        rls.policy(
            "job_reconciler_removes",
            "drf_jobs",
            command="DELETE",
            to=rls.SCHEDULER,
            using="status IN ('succeeded', 'failed')",
        ),
    ]
