"""Writes sign-ins, those that failed and sign-outs into the trail of each tenant of the person.

Django says when they happen, whichever way a person has come in by.
"""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from drift_detector.audit.models import AuditEntry
from drift_detector.tenancy.acting import Cause, acting_as, cause_of_request, note
from drift_detector.tenancy.authentication import actor_of
from drift_detector.tenancy.models import User
from drift_detector.tenancy.principal import Actor, ActorKind
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.selection import memberships_of

Action = AuditEntry.Action
WEB = Actor(ActorKind.PROCESS, id="web", name="web")
"""The one who acts while no one is signed in."""


def connect() -> None:
    """Listen to what Django says about sign-ins."""
    user_logged_in.connect(_signed_in)
    user_logged_out.connect(_signed_out)
    user_login_failed.connect(_failed)


def _signed_in(request: HttpRequest | None, user: User, **_: Any) -> None:
    _record(Action.SIGN_IN, _cause(actor_of(user), request), user)


def _signed_out(request: HttpRequest | None, user: User | None, **_: Any) -> None:
    if user is not None:
        _record(Action.SIGN_OUT, _cause(actor_of(user), request), user)


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A name that is no account's is not kept: people type passwords into that field."""
    user = User.objects.filter(username=credentials.get("username")).first()
    _record(Action.SIGN_IN_FAILED, _cause(WEB, request), user)


def _cause(actor: Actor, request: HttpRequest | None) -> Cause:
    return Cause(actor) if request is None else cause_of_request(actor, request)


def _record(action: Action, cause: Cause, user: User | None) -> None:
    user_id = str(user.pk) if user else ""
    memberships = memberships_of(user) if user else []
    for membership in memberships:
        with acting_as(cause), tenant_scope(membership.tenant_id):
            note(action, "users", user_id)
    if not memberships:
        with transaction.atomic(), acting_as(cause):
            note(action, "users", user_id)
