"""The schema of a database, as PostgreSQL's catalogs have it."""

import psycopg

CATALOG = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default,
            generation_expression, character_maximum_length, identity_generation
        FROM information_schema.columns WHERE table_schema = 'public'
    """,
    # A dump that is loaded casts the items of a list, a migration the list: casts are left out.
    "constraints": r"""
        SELECT conrelid::regclass::text, conname, convalidated, condeferrable,
            regexp_replace(pg_get_constraintdef(oid), '::(character varying|text(\[\])?)|[()]', '', 'g')
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    """,
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "policies": """
        SELECT tablename, policyname, permissive, cmd, roles::text, qual, with_check
        FROM pg_policies
    """,
    "tables": """
        SELECT relname, relkind, relrowsecurity, relforcerowsecurity, relowner::regrole::text
        FROM pg_class WHERE relnamespace = 'public'::regnamespace
    """,
    "grants": """
        SELECT relname, acl.grantee::regrole::text, privilege_type FROM pg_class, aclexplode(relacl) acl
        WHERE relnamespace = 'public'::regnamespace
    """,
    "grants on columns": """
        SELECT attrelid::regclass::text, attname, acl.grantee::regrole::text, privilege_type
        FROM pg_attribute, aclexplode(attacl) acl
        WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    """,
    "default grants": """
        SELECT defaclnamespace::regnamespace::text, defaclobjtype, acl.grantee::regrole::text,
            privilege_type
        FROM pg_default_acl, aclexplode(defaclacl) acl
    """,
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled
        FROM pg_trigger WHERE NOT tgisinternal
    """,
    "functions": """
        SELECT proname, pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
    """,
    "migrations": "SELECT app, name FROM django_migrations",
}


def read_schema(url: str) -> set[tuple[str, ...]]:
    """A record of each column, constraint, index, policy, grant and so on."""
    records: set[tuple[str, ...]] = set()
    with psycopg.connect(url) as database:
        for part, query in CATALOG.items():
            records.update((part, *map(str, row)) for row in database.execute(query))
    return records
