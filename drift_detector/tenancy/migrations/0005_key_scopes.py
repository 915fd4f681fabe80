import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations import RunSQL

from drift_detector.tenancy import rls

SCOPES = [
    "monitors:read",
    "monitors:write",
    "runs:write",
    "outcomes:write",
    "alerts:write",
    "admin",
]
# Row-level security binds the owner, too, so an UPDATE would reach no row; a change of the type reaches all.
SCOPES_OF_ROLES = """
    ALTER TABLE drf_api_keys ALTER COLUMN role TYPE varchar(20)[] USING CASE role
        WHEN 'viewer' THEN ARRAY['monitors:read']
        WHEN 'operator' THEN
            ARRAY['monitors:read', 'monitors:write', 'runs:write', 'outcomes:write', 'alerts:write']
        ELSE ARRAY['monitors:read', 'monitors:write', 'runs:write', 'outcomes:write', 'alerts:write', 'admin']
    END
"""
ROLES_OF_SCOPES = """
    ALTER TABLE drf_api_keys ALTER COLUMN role TYPE varchar(10) USING CASE
        WHEN 'admin' = ANY (role) THEN 'admin'
        WHEN role <@ ARRAY['monitors:read']::varchar[] THEN 'viewer'
        ELSE 'operator'
    END
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0004_tenant_by_slug"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="apikey", name="api_key_role"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                RunSQL(SCOPES_OF_ROLES, ROLES_OF_SCOPES),
                RunSQL(
                    "ALTER TABLE drf_api_keys RENAME COLUMN role TO scopes",
                    "ALTER TABLE drf_api_keys RENAME COLUMN scopes TO role",
                ),
            ],
            state_operations=[
                migrations.RemoveField(model_name="apikey", name="role"),
                migrations.AddField(
                    model_name="apikey",
                    name="scopes",
                    field=django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("monitors:read", "Monitors Read"),
                                ("monitors:write", "Monitors Write"),
                                ("runs:write", "Runs Write"),
                                ("outcomes:write", "Outcomes Write"),
                                ("alerts:write", "Alerts Write"),
                                ("admin", "Admin"),
                            ],
                            max_length=20,
                        ),
                        size=None,
                        default=list,
                    ),
                    preserve_default=False,
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                name="api_key_scopes",
                condition=models.Q(("scopes__contained_by", SCOPES), ("scopes__len__gt", 0)),
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="last_used_at",
            field=models.DateTimeField(
                blank=True, help_text="The last request with it, to the minute.", null=True
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="last_used_from",
            field=models.CharField(
                blank=True, default="", help_text="The address of that request.", max_length=50
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="api_key_tenant_identity"
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="successor",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                editable=False,
                help_text="The key that takes its place.",
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="tenancy.apikey",
            ),
        ),
        rls.tenant_foreign_key(
            "drf_api_keys", "successor_id", "drf_api_keys", on_delete="SET NULL (successor_id)"
        ),
        migrations.AlterField(
            model_name="tenantquota",
            name="keys",
            field=models.PositiveBigIntegerField(
                blank=True, help_text="API keys that are neither revoked nor expired.", null=True
            ),
        ),
    ]
