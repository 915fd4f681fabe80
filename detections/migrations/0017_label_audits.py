"""Label audits: drawn rows of a window, and the labels that people give to them."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls
from drift_detector.tenancy.audit_triggers import audit

AUDITS, LABELS = "drf_label_audits", "drf_given_labels"


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0016_references_in_time"),
        ("monitors", "0019_draw_label_audit"),
        ("tenancy", "0009_rights_by_process"),
        ("audit", "0002_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="LabelAudit",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("window_start", models.DateTimeField(help_text="Included.")),
                ("window_end", models.DateTimeField(help_text="Not included.")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("classification", "Classification"),
                            ("regression", "Regression"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "half_width",
                    models.FloatField(
                        help_text="The reach of the interval to each side that was asked for.",
                        null=True,
                    ),
                ),
                (
                    "population",
                    models.PositiveBigIntegerField(
                        help_text="Rows of the window with a prediction."
                    ),
                ),
                ("rows", models.PositiveIntegerField(help_text="Rows that were drawn.")),
                (
                    "columns",
                    models.JSONField(
                        default=list,
                        help_text="Columns of the data that rows show beside the features.",
                    ),
                ),
                (
                    "seed",
                    models.BigIntegerField(help_text="Of the draw, by the monitor and the window."),
                ),
                (
                    "reference",
                    models.JSONField(
                        default=dict,
                        help_text="The metrics over the reference when the rows were drawn.",
                    ),
                ),
                (
                    "drawn",
                    models.BinaryField(
                        help_text="The drawn rows in their order, as an Arrow stream."
                    ),
                ),
                ("created_by", models.CharField(max_length=200)),
                (
                    "monitor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="monitors.monitor",
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
                "db_table": AUDITS,
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="GivenLabel",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "row",
                    models.PositiveIntegerField(
                        help_text="The place of the row in the draw, from 1."
                    ),
                ),
                ("label", models.JSONField()),
                ("created_by", models.CharField(max_length=200)),
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
                    "audit",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="labels",
                        to="detections.labelaudit",
                    ),
                ),
            ],
            options={
                "db_table": LABELS,
                "ordering": ["row"],
            },
        ),
        migrations.AddIndex(
            model_name="labelaudit",
            index=models.Index(
                fields=["tenant", "monitor", "-created_at", "-id"],
                name="label_audit_newest_of_monitor",
            ),
        ),
        migrations.AddIndex(
            model_name="labelaudit",
            index=models.Index(fields=["created_at"], name="label_audit_by_age"),
        ),
        migrations.AddConstraint(
            model_name="labelaudit",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="label_audit_tenant_identity"
            ),
        ),
        migrations.AddConstraint(
            model_name="labelaudit",
            constraint=models.CheckConstraint(
                condition=models.Q(("window_start__lt", models.F("window_end"))),
                name="label_audit_ordered",
            ),
        ),
        migrations.AddConstraint(
            model_name="labelaudit",
            constraint=models.CheckConstraint(
                condition=models.Q(("rows__gt", 0), ("rows__lte", models.F("population"))),
                name="label_audit_has_rows",
            ),
        ),
        migrations.AddConstraint(
            model_name="givenlabel",
            constraint=models.UniqueConstraint(
                fields=("tenant", "audit", "row"), name="given_label_once_per_row"
            ),
        ),
        migrations.AddConstraint(
            model_name="givenlabel",
            constraint=models.CheckConstraint(
                condition=models.Q(("row__gt", 0)), name="given_label_of_a_row"
            ),
        ),
        rls.enable_tenant_rls(AUDITS),
        rls.enable_tenant_rls(LABELS),
        rls.tenant_foreign_key(AUDITS, "monitor_id", "drf_monitors"),
        rls.tenant_foreign_key(LABELS, "audit_id", AUDITS),
        # The reconciler purges old audits; PostgreSQL removes their labels with them.
        rls.grant("SELECT (id, tenant_id, created_at), DELETE", AUDITS, rls.SCHEDULER),
        rls.policy("label_audit_reconciler_reads", AUDITS, to=rls.SCHEDULER, using="true"),
        rls.policy(
            "label_audit_reconciler_removes",
            AUDITS,
            command="DELETE",
            to=rls.SCHEDULER,
            using="true",
        ),
        audit(AUDITS, of_processes=False, left_out=["drawn", "reference"]),
        audit(LABELS, of_processes=False, left_out=["label"]),
    ]
