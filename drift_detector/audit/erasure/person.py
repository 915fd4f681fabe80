"""Erases a person: the account keeps its id, on which the audit trail rests, and nothing else.

What the person has written stays, without the author.
"""

import re
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from allauth.socialaccount.models import SocialAccount
from django.contrib.sessions.models import Session
from django.db import transaction

from drift_detector.audit.erasure.catalogue import (
    changed_by,
    list_audited_tables,
    list_columns_of_people,
    list_tenant_tables,
    list_text_columns,
    require_owner,
    rows_of,
)
from drift_detector.tenancy.models import Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import keep_admins_without

# Characters of a user name (Django's validator): `user:ana` is no part of `user:anabel`.
NAME_BEGINS, NAME_ENDS = r"(?<![\w.@+-])", r"(?![\w.@+-])"
REPLACE = (
    "UPDATE {table} SET {column} = regexp_replace({column}::text, %s, %s, 'g')::{kind} "
    "WHERE {column}::text ~ %s"
)
FORGET = "DELETE FROM {table} WHERE {column} = %s"
# An address leads to a person, too; so does that of a sign-in that failed.
FORGET_ADDRESS = """
    UPDATE drf_audit SET address = '' WHERE address <> ''
    AND ((actor_kind = 'user' AND actor_id = %s) OR (object_type = 'users' AND object_id = %s))
"""
FORGET_CAUSE = r"""
    UPDATE {table} SET cause = regexp_replace(cause, '^user (\S+) \S+ ', 'user \1 - ')
    WHERE cause LIKE 'user %%' AND right(cause, length(%s)) = %s
"""
# A token acts by the subject that the provider gave the person; who is erased keeps none.
FORGET_SUBJECT = (
    "UPDATE drf_audit SET actor_id = %s, address = '' WHERE actor_kind = 'token' AND actor_id = %s"
)
FORGET_SUBJECT_OF_CAUSE = r"""
    UPDATE {table} SET cause = regexp_replace(cause, '^token (\S+) .*$', 'token \1 - ' || %s)
    WHERE cause LIKE 'token %%' AND right(cause, length(%s) + 1) = ' ' || %s
"""
# Of Django's own log of the admin, whose texts name rows, and so people.
LOG = "UPDATE django_admin_log SET object_repr = '', change_message = '' WHERE object_repr ~ %s OR change_message ~ %s"
NAMED = "SELECT id::text FROM {table} WHERE strpos(lower({column}::text), lower(%s)) > 0"


def erase_person(user: User) -> Counter[str]:
    """Remove a person's name and addresses from all tables.

    Each tenant is a transaction of its own; a second call continues where the first one stopped.

    Returns:
        The number of changed or removed rows, by table.

    Raises:
        NotTheOwner: If the connection is not the owner's.
        LastAdmin: If one of their tenants would be without an admin.
    """
    require_owner()
    with transaction.atomic():
        keep_admins_without(user)
    done: Counter[str] = Counter()
    name, stand_in = user.get_username(), f"erased-{user.pk}"
    subjects = list(SocialAccount.objects.filter(user=user).values_list("uid", flat=True))
    for tenant_id in Tenant.objects.values_list("id", flat=True):
        done += _erase_in_tenant(tenant_id, user, name, stand_in)
        done += _forget_subjects(tenant_id, subjects, stand_in)
    with transaction.atomic():
        done += _forget_rows(user, of_tenants=False)
        pattern = _pattern(name, prefix="")
        done["django_admin_log"] += changed_by(LOG, [pattern, pattern])
        done["drf_audit"] += changed_by(FORGET_ADDRESS, [str(user.pk)] * 2)
        done["django_session"] += _end_sessions(user)
        _empty(user, stand_in)
    done["drf_users"] += 1
    return +done


def _erase_in_tenant(tenant_id: UUID, user: User, name: str, stand_in: str) -> Counter[str]:
    done: Counter[str] = Counter()
    with tenant_scope(tenant_id):
        done += _forget_rows(user, of_tenants=True)
        # The trail last: it tells of the changes before it.
        for table, column, kind in [*_columns_with_names(), *list_text_columns(["drf_audit"])]:
            done[table] += _replace(table, column, kind, name, stand_in)
        done["drf_audit"] += changed_by(FORGET_ADDRESS, [str(user.pk)] * 2)
        done += _forget_addresses_of_causes(user)
    return done


def _forget_subjects(tenant_id: UUID, subjects: Sequence[str], stand_in: str) -> Counter[str]:
    """Put the stand-in for the subjects by which the person's tokens acted."""
    done: Counter[str] = Counter()
    with tenant_scope(tenant_id):
        for subject in subjects:
            done["drf_audit"] += changed_by(FORGET_SUBJECT, [stand_in, subject])
            for table, column, kind in _columns_with_names():
                if column == "cause" and kind != "jsonb":
                    statement = FORGET_SUBJECT_OF_CAUSE.format(table=table)
                    done[table] += changed_by(statement, [stand_in, subject, subject])
    return done


def _forget_addresses_of_causes(user: User) -> Counter[str]:
    """Remove the address from the causes that rows keep (`Cause.text`: kind, request, address, id)."""
    done: Counter[str] = Counter()
    for table, column, kind in _columns_with_names():
        if column == "cause" and kind != "jsonb":
            done[table] += changed_by(FORGET_CAUSE.format(table=table), [f" {user.pk}"] * 2)
    return done


def _columns_with_names() -> list[tuple[str, str, str]]:
    """The columns of tenants' tables where a person can be named: those that people write to."""
    inside = set(list_tenant_tables())
    return list_text_columns([each for each in list_audited_tables() if each in inside])


def _replace(table: str, column: str, kind: str, name: str, stand_in: str) -> int:
    statement = REPLACE.format(table=table, column=column, kind=kind)
    done = 0
    for caller in ("user:", "token:"):
        pattern = _pattern(name, prefix=caller)
        done += changed_by(statement, [pattern, f"{caller}{stand_in}", pattern])
    return done


def _pattern(name: str, *, prefix: str) -> str:
    return f"{NAME_BEGINS}{prefix}{re.escape(name)}{NAME_ENDS}"


def _forget_rows(user: User, *, of_tenants: bool) -> Counter[str]:
    """Remove what is the person's own: memberships, kept filters, accounts of a provider, second factors."""
    inside = set(list_tenant_tables())
    removed: Counter[str] = Counter()
    for table, column in list_columns_of_people():
        if (table in inside) == of_tenants and table != "django_admin_log":
            removed[table] += changed_by(FORGET.format(table=table, column=column), [user.pk])
    return removed


def _end_sessions(user: User) -> int:
    """End all sessions of the person; a session says in its data whose it is."""
    mine = [
        each.pk
        for each in Session.objects.iterator()
        if each.get_decoded().get("_auth_user_id") == str(user.pk)
    ]
    return Session.objects.filter(pk__in=mine).delete()[0]


def _empty(user: User, stand_in: str) -> None:
    user.username, user.first_name, user.last_name, user.email = stand_in, "", "", ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login = None
    user.set_unusable_password()
    user.save()


def list_places_of(email: str) -> list[str]:
    """The rows that show a mail address, such as channels; people must change them."""
    found: list[str] = []
    for tenant_id in Tenant.objects.values_list("id", flat=True) if email else ():
        with tenant_scope(tenant_id):
            for table, column, _ in _columns_with_names():
                rows = rows_of(NAMED.format(table=table, column=column), [email])
                found += [f"{table} {row_id}: {column}" for (row_id,) in rows]
    return found
