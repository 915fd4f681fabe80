import uuid

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

from drift_detector.tenancy import rls
from drift_detector.tenancy.audit_triggers import audit

EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_second_factors"),
        ("monitors", "0011_baselines_for_workers"),
        ("tenancy", "0009_rights_by_process"),
    ]

    operations = [
        migrations.CreateModel(
            name="StoreConnection",
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
                    "store",
                    models.CharField(
                        help_text="The prefix, such as s3://lake/acme; the longest that fits is taken.",
                        max_length=500,
                    ),
                ),
                (
                    "credentials",
                    models.CharField(
                        help_text="The name of credentials that the operator offers to the tenant.",
                        max_length=50,
                    ),
                ),
                (
                    "endpoint",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="One of those that the operator allows; empty for AWS.",
                        max_length=300,
                    ),
                ),
                (
                    "region",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Region of S3.",
                        max_length=40,
                        validators=[
                            django.core.validators.RegexValidator("^[a-z0-9]+(-[a-z0-9]+)*\\Z")
                        ],
                    ),
                ),
                (
                    "account",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The storage account of Azure.",
                        max_length=24,
                    ),
                ),
                ("removed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "created_by",
                    models.CharField(blank=True, default="", editable=False, max_length=200),
                ),
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
                "verbose_name": "connection",
                "db_table": "drf_connections",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "id"), name="connection_tenant_identity"
                    ),
                    models.UniqueConstraint(fields=("tenant", "name"), name="connection_name_once"),
                    models.UniqueConstraint(
                        fields=("tenant", "store"), name="connection_store_once"
                    ),
                ],
            },
        ),
        rls.enable_tenant_rls("drf_connections"),
        # Web writes them, workers read them to read data; of those rights, new tables have all for both.
        rls.grant(EVERYTHING, "drf_connections", rls.WEB),
        rls.grant("SELECT", "drf_connections", rls.WORKER),
        rls.revoke(EVERYTHING, "drf_connections", rls.APP),
        audit("drf_connections"),
    ]
