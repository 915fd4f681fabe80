"""Migration operations for row-level security, grants and foreign keys that lead with the tenant.

Each can be applied to a database that has its result already, as one of squashed migrations has.
"""

from django.db.migrations import RunSQL

APP, RELAY, SCHEDULER = "drf_app", "drf_relay", "drf_scheduler"
NOTIFIER = "drf_notifier"
GROUPS = (APP, RELAY, SCHEDULER, NOTIFIER)
WEB, WORKER = "drf_web", "drf_worker"

# After a commit the setting reads '' and not NULL; the sub-select makes PostgreSQL evaluate it once a statement.
CURRENT_TENANT = "(SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)"

CREATE_ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} NOLOGIN;
    END IF;
END $$
"""

# Added again, it would check all rows again.
ADD_CONSTRAINT = """
DO $$ BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_constraint WHERE conname = '{name}' AND conrelid = '{table}'::regclass
    ) THEN
        {add};
    END IF;
END $$
"""


def create_group_roles(*groups: str) -> RunSQL:
    """Create the group roles of the service, unless the installation has created them."""
    return RunSQL([CREATE_ROLE.format(role=role) for role in groups or GROUPS], RunSQL.noop)


def enable_tenant_rls(table: str, column: str = "tenant_id") -> RunSQL:
    """Show and accept only rows of the current tenant, even for the owner of the table."""
    rule = f"{column} = {CURRENT_TENANT}"
    return RunSQL(
        [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"DROP POLICY IF EXISTS tenant_isolation ON {table}",
            f"CREATE POLICY tenant_isolation ON {table} USING ({rule}) WITH CHECK ({rule})",
        ],
        [
            f"DROP POLICY tenant_isolation ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ],
    )


def policy(
    name: str, table: str, *, command: str = "SELECT", to: str = "public", using: str
) -> RunSQL:
    """A policy that permits more than `tenant_isolation`."""
    conditions = {
        "INSERT": f"WITH CHECK ({using})",
        "UPDATE": f"USING ({using}) WITH CHECK ({using})",
    }
    condition = conditions.get(command, f"USING ({using})")
    return RunSQL(
        [
            f"DROP POLICY IF EXISTS {name} ON {table}",
            f"CREATE POLICY {name} ON {table} FOR {command} TO {to} {condition}",
        ],
        f"DROP POLICY {name} ON {table}",
    )


def grant(privileges: str, on: str, to: str) -> RunSQL:
    """Grant privileges to a role."""
    return RunSQL(f"GRANT {privileges} ON {on} TO {to}", f"REVOKE {privileges} ON {on} FROM {to}")


def revoke(privileges: str, on: str, to: str) -> RunSQL:
    """Revoke privileges from a role."""
    return RunSQL(f"REVOKE {privileges} ON {on} FROM {to}", f"GRANT {privileges} ON {on} TO {to}")


def tenant_foreign_key(
    table: str, column: str, target: str, *, on_delete: str = "CASCADE"
) -> RunSQL:
    """A foreign key by (tenant_id, id), so that a row cannot refer to another tenant's row."""
    name = f"{table}_{column}_tenant_fk"
    add = (
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (tenant_id, {column}) "
        f"REFERENCES {target} (tenant_id, id) ON DELETE {on_delete} DEFERRABLE INITIALLY DEFERRED"
    )
    return RunSQL(
        ADD_CONSTRAINT.format(name=name, table=table, add=add),
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )
