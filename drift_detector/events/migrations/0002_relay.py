import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations import RunSQL

from drift_detector.tenancy import rls

# The owner is bound by row-level security too, and would number no rows at all; nobody else gets at a table while it is
# altered.
NUMBER_EVENTS = [
    "ALTER TABLE drf_outbox NO FORCE ROW LEVEL SECURITY",
    """
    UPDATE drf_outbox SET
        seq = numbered.seq,
        partition = ('x' || right(drf_outbox.key::text, 1))::bit(4)::int,
        envelope = drf_outbox.envelope || jsonb_build_object('seq', numbered.seq)
    FROM (SELECT id, row_number() OVER (PARTITION BY tenant_id, key ORDER BY id) AS seq FROM drf_outbox) numbered
    WHERE numbered.id = drf_outbox.id
    """,
    "INSERT INTO drf_outbox_keys (tenant_id, key, seq) SELECT tenant_id, key, max(seq) FROM drf_outbox GROUP BY 1, 2",
    "ALTER TABLE drf_outbox FORCE ROW LEVEL SECURITY",
]


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0001_initial"),
        ("events", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="OutboxKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField()),
                ("seq", models.PositiveIntegerField(default=0)),
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
                "db_table": "drf_outbox_keys",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "key"), name="outbox_key_once")
                ],
            },
        ),
        migrations.AddField(
            "outboxevent", "partition", models.PositiveSmallIntegerField(null=True)
        ),
        migrations.AddField("outboxevent", "seq", models.PositiveIntegerField(null=True)),
        migrations.AddField(
            "outboxevent",
            "not_before",
            models.DateTimeField(blank=True, help_text="When it is tried again.", null=True),
        ),
        migrations.AddField(
            "outboxevent",
            "dead_at",
            models.DateTimeField(blank=True, help_text="When it was given up.", null=True),
        ),
        RunSQL(NUMBER_EVENTS, RunSQL.noop),
        migrations.AlterField(
            "outboxevent",
            "partition",
            models.PositiveSmallIntegerField(
                help_text="One relay at a time publishes the keys of a partition."
            ),
        ),
        migrations.AlterField(
            "outboxevent",
            "seq",
            models.PositiveIntegerField(
                help_text="The number of the event among those of its key, from 1."
            ),
        ),
        migrations.AlterField(
            "outboxevent",
            "attempts",
            models.PositiveIntegerField(
                default=0, help_text="Failed ones, but for those while the broker was away."
            ),
        ),
        migrations.AddIndex(
            "outboxevent",
            models.Index(
                condition=models.Q(("not_before__isnull", False)),
                fields=["not_before"],
                name="outbox_put_off",
            ),
        ),
        migrations.AddIndex(
            "outboxevent",
            models.Index(
                condition=models.Q(("published_at__isnull", False)),
                fields=["published_at"],
                name="outbox_by_age",
            ),
        ),
        migrations.AddConstraint(
            "outboxevent",
            models.UniqueConstraint(fields=("tenant", "key", "seq"), name="outbox_seq_once"),
        ),
        migrations.AddConstraint(
            "outboxevent",
            models.CheckConstraint(condition=models.Q(("seq__gte", 1)), name="outbox_seq_from_one"),
        ),
        migrations.AddConstraint(
            "outboxevent",
            models.CheckConstraint(
                condition=models.Q(("partition__lt", 16)), name="outbox_partition_known"
            ),
        ),
        migrations.AddConstraint(
            "outboxevent",
            models.CheckConstraint(
                condition=models.Q(
                    ("published_at__isnull", True), ("dead_at__isnull", True), _connector="OR"
                ),
                name="outbox_dead_or_published",
            ),
        ),
        rls.enable_tenant_rls("drf_outbox_keys"),
        rls.revoke("UPDATE, DELETE", "drf_outbox_keys", rls.APP),
        rls.grant("UPDATE (seq)", "drf_outbox_keys", rls.APP),
        rls.grant("UPDATE (not_before, dead_at), DELETE", "drf_outbox", rls.RELAY),
        rls.policy(
            "outbox_relay_forgets",
            "drf_outbox",
            command="DELETE",
            to=rls.RELAY,
            using="published_at IS NOT NULL",
        ),
    ]
