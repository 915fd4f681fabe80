"""Documents that have been applied, and what each of them owns."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls
from drift_detector.tenancy.audit_triggers import audit

DOCUMENTS, OBJECTS = "drf_documents", "drf_document_objects"


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0010_opened_lately"),
        ("monitors", "0020_apply_document"),
        ("tenancy", "0009_rights_by_process"),
        ("audit", "0002_triggers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Document",
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
                    "model_id",
                    models.UUIDField(help_text="The model whose monitors it names."),
                ),
                (
                    "content_hash",
                    models.CharField(
                        help_text="SHA-256 of all settings with their defaults, without the name.",
                        max_length=64,
                    ),
                ),
                ("applied_at", models.DateTimeField()),
                ("applied_by", models.CharField(max_length=200)),
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
                "db_table": DOCUMENTS,
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["tenant", "-created_at", "-id"], name="document_newest")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "id"), name="document_tenant_identity"
                    ),
                    models.UniqueConstraint(fields=("tenant", "name"), name="document_name_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="DocumentObject",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("monitor", "Monitor"), ("budget", "Budget")], max_length=10
                    ),
                ),
                ("object_id", models.UUIDField()),
                (
                    "settings",
                    models.JSONField(
                        help_text="The fields as they were applied, with their defaults."
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="objects_owned",
                        to="alerts.document",
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
                "db_table": OBJECTS,
                "ordering": ["created_at"],
                "indexes": [models.Index(fields=["tenant", "document"], name="object_of_document")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "kind", "object_id"),
                        name="document_object_has_one_owner",
                    )
                ],
            },
        ),
        rls.enable_tenant_rls(DOCUMENTS),
        rls.enable_tenant_rls(OBJECTS),
        rls.tenant_foreign_key(OBJECTS, "document_id", DOCUMENTS),
        audit(DOCUMENTS, left_out=["applied_by"]),
        # The trail of the monitor has the values.
        audit(OBJECTS, left_out=["settings"]),
    ]
