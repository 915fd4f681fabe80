import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event_id", models.UUIDField(unique=True)),
                ("topic", models.CharField(max_length=100)),
                (
                    "key",
                    models.UUIDField(
                        help_text="Events with one key (the monitor) are published in order."
                    ),
                ),
                ("envelope", models.JSONField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("published_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("last_error", models.TextField(blank=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "db_table": "drf_outbox",
                "ordering": ["id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("published_at__isnull", True)),
                        fields=["id"],
                        name="outbox_unpublished",
                    ),
                    models.Index(fields=["tenant", "-id"], name="outbox_of_tenant"),
                ],
            },
        ),
        rls.enable_tenant_rls("drf_outbox"),
        rls.revoke("UPDATE, DELETE", "drf_outbox", rls.APP),
        rls.grant("SELECT, UPDATE (published_at, attempts, last_error)", "drf_outbox", rls.RELAY),
        rls.policy("outbox_relay_reads", "drf_outbox", to=rls.RELAY, using="true"),
        rls.policy(
            "outbox_relay_marks", "drf_outbox", command="UPDATE", to=rls.RELAY, using="true"
        ),
    ]
