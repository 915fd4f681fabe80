"""The authenticated caller of a request."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from drift_detector.tenancy.models import Scope


class ActorKind(StrEnum):
    """The kinds of those who change something."""

    KEY = "key"
    USER = "user"
    TOKEN = "token"  # noqa: S105 - the word, not a secret
    COMMAND = "command"
    PROCESS = "process"


@dataclass(frozen=True)
class Actor:
    """Someone or something that changes rows.

    Attributes:
        kind: The kind of the actor.
        id: The id of the key or of the person, the subject of the token, the name of the command or of the process.
        name: The name that people know it by.
    """

    kind: ActorKind
    id: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Principal:
    """An authenticated caller within one tenant; DRF's `request.user`."""

    tenant_id: UUID
    scopes: frozenset[Scope]
    actor: Actor
    is_authenticated: bool = True

    @property
    def name(self) -> str:
        """The kind and the name of the caller, for records that people read."""
        return str(self.actor)
