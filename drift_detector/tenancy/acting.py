"""The one who acts: `tenant_scope` hands it to the database, whose triggers write it into the audit trail.

A request acts as its key or its person, for as long as it lasts. A command and a process act as themselves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpRequest
from structlog.contextvars import get_contextvars

from drift_detector.tenancy.models import User
from drift_detector.tenancy.principal import Actor, ActorKind
from drift_detector.throttling.addresses import client_address

SETTING = "app.actor"
"""The variable of PostgreSQL that says who acts, until the transaction ends."""

NOTHING = "-"
LONGEST_ID = 100


@dataclass(frozen=True, slots=True)
class Cause:
    """An actor, and the request by which it acts.

    Attributes:
        actor: The one who acts.
        request_id: The id of the request in the logs; empty outside of requests.
        address: The address that the request came from; empty outside of requests.
    """

    actor: Actor
    request_id: str = ""
    address: str = ""

    @property
    def text(self) -> str:
        """The cause as one text: kind, request and address have no spaces, so the id may have some."""
        request_id, address = self.request_id or NOTHING, self.address or NOTHING
        return f"{self.actor.kind.value} {request_id} {address} {self.actor.id}"

    @classmethod
    def of_text(cls, text: str) -> "Cause":
        """The cause of a text; the actor's name is its id."""
        kind, request_id, address, actor_id = text.split(" ", 3)
        actor = Actor(ActorKind(kind), id=actor_id, name=actor_id)
        return cls(actor, request_id.strip(NOTHING), address.strip(NOTHING))


@dataclass(frozen=True, slots=True)
class Acting:
    """The caller of a request and the tenant that it works in; its attribute `acting`."""

    actor: Actor
    tenant_id: UUID


_of_context: ContextVar[Cause | None] = ContextVar("cause", default=None)
_of_process: list[Cause] = []


def act_as_process(kind: ActorKind, name: str) -> None:
    """Have all threads of this process act as a command or a process, where no request says otherwise."""
    _of_process[:] = [Cause(Actor(kind, id=name, name=name))]


def current_cause() -> str:
    """The text of the cause of what happens now; empty where nothing has named one."""
    cause = _of_context.get() or next(iter(_of_process), None)
    return cause.text if cause else ""


@contextmanager
def acting_as(cause: Cause) -> Iterator[None]:
    """Record all that the block writes with this cause, in transactions that are open already, too."""
    token = _of_context.set(cause)
    name_actor()
    try:
        yield
    finally:
        _of_context.reset(token)
        name_actor()


@contextmanager
def acting_for(text: str) -> Iterator[None]:
    """Act for the cause that a row keeps as text; an older row has none, and changes nothing."""
    if not text:
        yield
        return
    with acting_as(Cause.of_text(text)):
        yield


@contextmanager
def acting_in(request: HttpRequest, actor: Actor, tenant_id: UUID) -> Iterator[None]:
    """Act as the caller of a request, which the log names when it has been answered."""
    request.acting = Acting(actor, tenant_id)  # type: ignore[attr-defined]
    with acting_as(cause_of_request(actor, request)):
        yield


def cause_of_request(actor: Actor, request: HttpRequest) -> Cause:
    """An actor, with the id that the request has in the logs and the address it comes from."""
    request_id = str(get_contextvars().get("request_id", ""))
    return Cause(actor, request_id, client_address(request))


def note(action: str, object_type: str, object_id: str = "") -> None:
    """Write what is no change of a row into the audit trail of the tenant in scope, if there is one.

    Args:
        action: What was done, such as `read`; changes of rows are written by triggers alone.
        object_type: What it was done to: a table, or the name of an address.
        object_id: The id of the row; empty for a list.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT drf_audit_note(%s, %s, %s)", [action, object_type, object_id])


def note_request(action: str, request: HttpRequest) -> None:
    """Write down that the address of a request was asked for; what its query holds stays out."""
    match = request.resolver_match
    if match is not None:
        row = match.kwargs.get("pk") or match.kwargs.get("object_id") or ""
        note(action, match.view_name, str(row)[:LONGEST_ID])


@contextmanager
def recorded_transaction() -> Iterator[None]:
    """Open a transaction outside of a tenant's scope whose changes are recorded with the one who acts."""
    with transaction.atomic():
        name_actor()
        yield


@contextmanager
def recorded_for_person(user: User) -> Iterator[None]:
    """The same, for what a person does to the own account before a page knows who acts."""
    if current_cause():
        with recorded_transaction():
            yield
        return
    actor = Actor(ActorKind.USER, id=str(user.pk), name=user.get_username())
    with acting_as(Cause(actor)), recorded_transaction():
        yield


def name_actor() -> None:
    """Tell the open transaction, if there is one, who acts; a tenant's scope does so by itself."""
    if connection.in_atomic_block and not connection.needs_rollback:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, current_cause()])
