"""The kinds of channels: what each of them takes as an address, hears, and does to send a message."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

SHORTEST_SECRET = 6
LONGEST_REPLY = 300
HIDDEN = "…"
SEPARATORS = re.compile(r"[/?&=@:,;#+\s%]+")


class Topic(StrEnum):
    """The subjects of a message; the values are on the wire of webhooks."""

    RAISED = "alert.raised"
    WORSENED = "alert.worsened"
    REPEATED = "alert.repeated"
    ESCALATED = "alert.escalated"
    RESOLVED = "alert.resolved"
    ACKNOWLEDGED = "alert.acknowledged"
    CHANGED = "alert.changed"
    DIGEST = "digest"
    SUMMARY = "summary"
    TEST = "test"


ABOUT_PEOPLE = frozenset({Topic.ACKNOWLEDGED, Topic.CHANGED})
"""Topics that people cause; chats and mails would repeat to people what people did."""


class NotAnAddress(ValueError):
    """The address is none of the kind; the message says why, without the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to people and programs.

    Attributes:
        id: The same in every try, so that a receiver knows a double.
        topic: What the message is about.
        severity: `info`, `warning` or `critical`.
        subject: One line.
        text: The message as plain text.
        html: The same as HTML.
        data: The same for programs.
        alert_id: The alert; None for a message about several or none.
        url: Where people see more; empty if the installation has no public address.
    """

    id: str
    topic: Topic
    severity: str
    subject: str
    text: str
    html: str
    data: Mapping[str, Any] = field(default_factory=dict)
    alert_id: UUID | None = None
    url: str = ""

    @property
    def is_end(self) -> bool:
        """True if the alert is over."""
        return self.topic is Topic.RESOLVED


@dataclass(frozen=True, slots=True)
class Destination:
    """The address and secrets of a channel, decrypted; they are never logged.

    Attributes:
        address: The address.
        secrets: What signatures are made with, the newest first.
    """

    address: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a channel to one try.

    Attributes:
        is_ok: True if the channel has taken the message.
        said: The answer, or the reason why there is none, without secrets.
        is_final: True if another try can't succeed.
    """

    is_ok: bool
    said: str
    is_final: bool = False


class ChannelKind(ABC):
    """One way to notify people.

    Attributes:
        name: The value of a channel's `kind`.
        title: The name for people.
        form: An address of this kind, as an example.
        is_signed: True if a channel has a secret that it signs with.
        has_incidents: True if the other side keeps an incident open until the alert is resolved.
        hears: The topics that the channel is for.
    """

    name: str
    title: str
    form: str
    is_signed = False
    has_incidents = False
    hears: frozenset[Topic] = frozenset(Topic) - ABOUT_PEOPLE

    @abstractmethod
    def check(self, address: str) -> str:
        """The address in its usual form; asks no network.

        Raises:
            NotAnAddress: If it is none of this kind.
        """

    def check_reach(self, address: str) -> None:  # noqa: B027 — most kinds have fixed hosts
        """Check where the address leads, by the network; outside of transactions.

        Raises:
            NotAnAddress: If it leads to where the service does not send.
        """

    @abstractmethod
    def shown(self, address: str) -> str:
        """The address without its secrets, to be stored and shown."""

    @abstractmethod
    def send(self, destination: Destination, message: Message, *, seconds: float) -> Reply:
        """Try once to send a message, in about `seconds` at most; outside of transactions."""


def without_secrets(text: str, destination: Destination) -> str:
    """A text of the other side on one line, shortened, with nothing of the address or a secret in it."""
    for part in sorted(_secret_parts(destination), key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REPLY else f"{line[:LONGEST_REPLY]}…"


def _secret_parts(destination: Destination) -> set[str]:
    texts = (destination.address, *destination.secrets)
    parts: Iterable[str] = (part for text in texts for part in SEPARATORS.split(text))
    return {part for part in parts if len(part) >= SHORTEST_SECRET} | set(texts)
