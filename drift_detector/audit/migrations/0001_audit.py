import uuid

from django.db import migrations, models
from django.db.migrations import RunSQL

from drift_detector.tenancy import rls

TABLE = """
CREATE TABLE IF NOT EXISTS drf_audit (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    action text NOT NULL,
    object_type text NOT NULL,
    object_id text NOT NULL DEFAULT '',
    before jsonb,
    after jsonb,
    request_id text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT ''
) PARTITION BY RANGE (created_at)
"""
# Takes the rows of a month that has no partition.
DEFAULT = "CREATE TABLE IF NOT EXISTS drf_audit_default PARTITION OF drf_audit DEFAULT"
INDEXES = [
    "CREATE INDEX IF NOT EXISTS audit_newest ON drf_audit (tenant_id, created_at DESC, id DESC)",
    "CREATE INDEX IF NOT EXISTS audit_by_id ON drf_audit (tenant_id, id)",
    "CREATE INDEX IF NOT EXISTS audit_of_object ON drf_audit (tenant_id, object_type, object_id, created_at DESC)",
    "CREATE INDEX IF NOT EXISTS audit_of_actor ON drf_audit (tenant_id, actor_id, created_at DESC)",
]

# All functions run as the owner, who alone may insert. The cause is "kind request address id" (tenancy/acting.py).
WRITE = """
CREATE OR REPLACE FUNCTION drf_audit_write(
    tenant uuid, action text, object_type text, object_id text, before jsonb, after jsonb
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    cause text := nullif(current_setting('app.actor', true), '');
    kind text := coalesce(split_part(cause, ' ', 1), 'database');
    request text := coalesce(nullif(split_part(cause, ' ', 2), '-'), '');
    address text := coalesce(nullif(split_part(cause, ' ', 3), '-'), '');
    actor text := coalesce(regexp_replace(cause, '^\\S+ \\S+ \\S+ ', ''), session_user);
BEGIN
    INSERT INTO drf_audit
        (tenant_id, actor_kind, actor_id, action, object_type, object_id, before, after, request_id, address)
    VALUES (tenant, kind, actor, action, object_type, coalesce(object_id, ''), before, after, request, address);
END $$
"""

# For what is no change of a row; the tenant is the one in scope.
NOTE = """
CREATE OR REPLACE FUNCTION drf_audit_note(action text, object_type text, object_id text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF action IN ('insert', 'update', 'delete') THEN
        RAISE EXCEPTION 'Changes are written down by triggers alone.' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM drf_audit_write(
        nullif(current_setting('app.tenant_id', true), '')::uuid, action, object_type, object_id, NULL, NULL);
END $$
"""

# A value as an entry shows it: hidden, or cut after 1,000 characters.
SHOWN = """
CREATE OR REPLACE FUNCTION drf_audit_shown(fields jsonb, hidden text[])
RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_object_agg(key, CASE
        WHEN key = ANY (hidden) THEN '"(hidden)"'::jsonb
        WHEN length(value::text) > 1000 THEN to_jsonb(left(value::text, 1000) || '…')
        ELSE value
    END) FROM jsonb_each(fields)
$$
"""

# The arguments of a trigger are the columns that are left out, as an object of nulls, and those that are hidden.
# jsonb_populate_record sets a large column to null before the row is made into JSON.
ROW = """
CREATE OR REPLACE FUNCTION drf_audit_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    left_out jsonb := TG_ARGV[0];
    hidden text[] := TG_ARGV[1];
    names text[] := ARRAY(SELECT jsonb_object_keys(left_out));
    kept jsonb := left_out - ARRAY['id', 'tenant_id'];
    old_row jsonb;
    new_row jsonb;
    identity jsonb;
    changed text[];
BEGIN
    IF TG_OP <> 'INSERT' THEN
        old_row := to_jsonb(jsonb_populate_record(OLD, kept));
        identity := old_row;
        old_row := old_row - names;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        new_row := to_jsonb(jsonb_populate_record(NEW, kept));
        identity := new_row;
        new_row := new_row - names;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        changed := ARRAY(SELECT key FROM jsonb_each(new_row) WHERE value IS DISTINCT FROM old_row -> key);
        IF cardinality(changed) = 0 THEN
            RETURN NULL;
        END IF;
        old_row := (SELECT jsonb_object_agg(key, value) FROM jsonb_each(old_row) WHERE key = ANY (changed));
        new_row := (SELECT jsonb_object_agg(key, value) FROM jsonb_each(new_row) WHERE key = ANY (changed));
    END IF;
    PERFORM drf_audit_write(
        coalesce(
            (identity ->> 'tenant_id')::uuid,
            CASE TG_TABLE_NAME WHEN 'drf_tenants' THEN (identity ->> 'id')::uuid END,
            nullif(current_setting('app.tenant_id', true), '')::uuid),
        lower(TG_OP),
        regexp_replace(TG_TABLE_NAME, '^drf_', ''),
        identity ->> 'id',
        drf_audit_shown(old_row, hidden),
        drf_audit_shown(new_row, hidden));
    RETURN NULL;
END $$
"""
# The owner alone writes, and calls the function that would write anything.
RIGHTS = [
    f"REVOKE ALL ON drf_audit, drf_audit_default FROM PUBLIC, {', '.join(rls.GROUPS)}",
    "GRANT SELECT ON drf_audit TO drf_app",
    "ALTER TABLE drf_audit_default ENABLE ROW LEVEL SECURITY",
    "REVOKE ALL ON FUNCTION drf_audit_write(uuid, text, text, text, jsonb, jsonb) FROM PUBLIC",
    "REVOKE ALL ON FUNCTION drf_audit_note(text, text, text) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION drf_audit_note(text, text, text) TO drf_app",
]
KINDS = [(each, each) for each in ("key", "user", "token", "command", "process", "database")]
ACTIONS = [
    ("insert", "Insert"),
    ("update", "Update"),
    ("delete", "Delete"),
    ("read", "Read"),
    ("sign_in", "Sign In"),
    ("sign_in_failed", "Sign In Failed"),
    ("sign_out", "Sign Out"),
    ("refused", "Refused"),
]
FUNCTIONS = [
    "drf_audit_row()",
    "drf_audit_shown(jsonb, text[])",
    "drf_audit_note(text, text, text)",
    "drf_audit_write(uuid, text, text, text, jsonb, jsonb)",
]

# What Django knows of the table that the SQL above makes.
MODEL = migrations.CreateModel(
    name="AuditEntry",
    fields=[
        (
            "id",
            models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
        ),
        (
            "tenant_id",
            models.UUIDField(
                help_text="Null: of no tenant, such as a person's account.", null=True
            ),
        ),
        ("created_at", models.DateTimeField()),
        ("actor_kind", models.CharField(choices=KINDS, max_length=10)),
        ("actor_id", models.CharField(max_length=300)),
        ("action", models.CharField(choices=ACTIONS, max_length=20)),
        ("object_type", models.CharField(help_text="The table, or the page.", max_length=100)),
        ("object_id", models.CharField(max_length=100)),
        (
            "before",
            models.JSONField(help_text="The values that were changed or removed.", null=True),
        ),
        ("after", models.JSONField(help_text="The values that they were changed to.", null=True)),
        ("request_id", models.CharField(max_length=100)),
        ("address", models.CharField(max_length=100)),
    ],
    options={
        "verbose_name": "audit entry",
        "verbose_name_plural": "audit entries",
        "db_table": "drf_audit",
        "ordering": ["-created_at", "-id"],
        "managed": False,
    },
)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenancy", "0004_tenant_by_slug"),
    ]

    operations = [
        MODEL,
        RunSQL([TABLE, DEFAULT, *INDEXES], "DROP TABLE drf_audit"),
        rls.enable_tenant_rls("drf_audit"),
        # The functions write for any tenant, and for none; no role but the owner may insert at all.
        rls.policy(
            "audit_owner_writes", "drf_audit", command="INSERT", to="CURRENT_USER", using="true"
        ),
        rls.policy("audit_owner_reads", "drf_audit", to="CURRENT_USER", using="tenant_id IS NULL"),
        rls.policy(
            "audit_owner_forgets",
            "drf_audit",
            command="UPDATE",
            to="CURRENT_USER",
            using="tenant_id IS NULL",
        ),
        # The commands that erase a person or remove a tenant look into every tenant.
        rls.policy("tenant_owner_lists", "drf_tenants", to="CURRENT_USER", using="true"),
        RunSQL(
            [WRITE, NOTE, SHOWN, ROW, *RIGHTS],
            [f"DROP FUNCTION {each}" for each in FUNCTIONS],
        ),
    ]
