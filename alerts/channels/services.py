"""Creates, changes and tests channels; addresses and secrets go in and never come out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.html import escape

from alerts.channels.channel_kind import (
    ChannelKind,
    Destination,
    Message,
    NotAnAddress,
    Reply,
    Topic,
)
from alerts.channels.channel_registry import CHANNEL_KINDS
from alerts.channels.kinds.webhook_channel import new_secret
from alerts.channels.subjects import BadTemplate, check_template
from alerts.models import Channel, RouteChannel
from drift_detector import encryption
from drift_detector.tenancy.scope import current_tenant_id

OVERLAP = timedelta(days=1)
"""How long the old secret of a webhook goes on signing, beside the new one."""


class ChannelInUse(Exception):
    """Routes still name the channel; the message says which."""


@dataclass(frozen=True, slots=True)
class CheckedAddress:
    """An address that was checked, by its form and by the network."""

    kind: ChannelKind
    text: str = field(repr=False)


def check_address(kind_name: str, address: str) -> CheckedAddress:
    """Check an address; asks the network, so it is called outside of transactions.

    Raises:
        ValidationError: If the address is none of the kind, or leads into an internal network.
    """
    kind = CHANNEL_KINDS[kind_name]
    if not encryption.has_key():
        raise ValidationError(
            {"address": "The installation has no key to keep it (AUMOS_DRIFT_ENCRYPTION__KEY)."}
        )
    try:
        usual = kind.check(address)
        kind.check_reach(usual)
    except NotAnAddress as error:
        raise ValidationError({"address": str(error)}) from None
    return CheckedAddress(kind, usual)


def check_kind(kind: str, kept: str) -> None:
    """Refuse another kind than a channel has.

    Args:
        kind: The kind that was asked for.
        kept: The kind that the channel has; empty for a new one.

    Raises:
        ValidationError: If they differ.
    """
    if kept and kind != kept:
        raise ValidationError({"kind": "The kind of a channel cannot be changed."})


def check_subject(subject: str) -> None:
    """Check a template of a subject.

    Raises:
        ValidationError: If it has a field that is not known.
    """
    try:
        check_template(subject)
    except BadTemplate as error:
        raise ValidationError({"subject": str(error)}) from None


def create_channel(
    *,
    address: CheckedAddress,
    name: str,
    by: str,
    subject: str = "",
    most_per_hour: int | None = None,
    enabled: bool = True,
) -> tuple[Channel, str]:
    """Create a channel of the current tenant.

    Returns:
        The channel, and the secret of a webhook, which is shown this once; empty for other kinds.

    Raises:
        ValidationError: If the name is taken, or a field is wrong.
    """
    secret = new_secret() if address.kind.is_signed else ""
    channel = Channel(
        tenant_id=current_tenant_id(),
        kind=address.kind.name,
        secret=encryption.encrypt(secret) if secret else "",
        created_by=by,
    )
    _set_address(channel, address)
    _set_fields(channel, name=name, subject=subject, most_per_hour=most_per_hour, enabled=enabled)
    channel.save(force_insert=True)
    return channel, secret


def update_channel(
    channel: Channel, *, address: CheckedAddress | None = None, **fields: object
) -> Channel:
    """Change a channel; without an address, it keeps the one that it has.

    Raises:
        ValidationError: If the name is taken, or a field is wrong.
    """
    if address is not None:
        _set_address(channel, address)
    _set_fields(channel, **fields)
    channel.save()
    return channel


def delete_channel(channel: Channel) -> None:
    """Remove a channel with its notifications.

    Raises:
        ChannelInUse: If a route names it.
    """
    using = RouteChannel.objects.filter(channel=channel).values_list("route__name", flat=True)
    if names := sorted(set(using)):
        raise ChannelInUse(f"The channel is used by the routes {', '.join(names)}.")
    channel.delete()


def rotate_secret(channel: Channel) -> str:
    """Give a webhook a new secret; the old one signs beside it for a day.

    Returns:
        The new secret, which is shown this once.

    Raises:
        ValidationError: If the kind has no secret.
    """
    if not CHANNEL_KINDS[channel.kind].is_signed:
        raise ValidationError({"kind": "Only a webhook has a secret."})
    secret = new_secret()
    channel.previous_secret = channel.secret
    channel.previous_secret_until = timezone.now() + OVERLAP
    channel.secret = encryption.encrypt(secret)
    channel.save()
    return secret


def destination_of(channel: Channel) -> Destination:
    """The address and the valid secrets of a channel, decrypted.

    Raises:
        NoKey: If no key of the settings decrypts it.
    """
    secrets = tuple(encryption.decrypt(token) for token in _valid_secrets(channel))
    return Destination(encryption.decrypt(channel.address), secrets)


def send_test(channel: Channel) -> Reply:
    """Send a test message, outside of transactions; the reply is what the channel said."""
    try:
        destination = destination_of(channel)
    except encryption.NoKey as error:
        return Reply(False, str(error))
    seconds = settings.ENV.notifier.send_seconds
    return CHANNEL_KINDS[channel.kind].send(destination, _test_message(channel), seconds=seconds)


def encrypt_again(channels: Iterable[Channel]) -> int:
    """Encrypt all of the channels by the newest key; the number of channels.

    Raises:
        NoKey: If a text is of a key that the settings no longer have.
    """
    changed = 0
    for channel in channels:
        for name in ("address", "secret", "previous_secret"):
            token = getattr(channel, name)
            setattr(channel, name, encryption.encrypt_again(token) if token else "")
        channel.save(update_fields=["address", "secret", "previous_secret"])
        changed += 1
    return changed


def _valid_secrets(channel: Channel) -> Iterator[str]:
    if channel.secret:
        yield channel.secret
    until = channel.previous_secret_until
    if channel.previous_secret and until and until > timezone.now():
        yield channel.previous_secret


def _set_address(channel: Channel, address: CheckedAddress) -> None:
    channel.address = encryption.encrypt(address.text)
    channel.shown_address = address.kind.shown(address.text)


def _set_fields(channel: Channel, **fields: object) -> None:
    for name, value in fields.items():
        setattr(channel, name, value)
    check_subject(channel.subject)
    others = Channel.objects.filter(~Q(id=channel.id), name=channel.name)
    if others.exists():
        raise ValidationError({"name": "name must be unique; a channel has this name."})


def _test_message(channel: Channel) -> Message:
    text = f"This is a test of the channel {channel.name}. Nothing has happened."
    return Message(
        id=f"msg_{uuid4()}",
        topic=Topic.TEST,
        severity="info",
        subject=f"Test of the channel {channel.name}",
        text=text,
        html=f"<p>{escape(text)}</p>",
        data={"channel": channel.name},
        url=settings.ENV.public_url,
    )
