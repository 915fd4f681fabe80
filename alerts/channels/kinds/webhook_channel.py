"""Webhooks of the tenant, signed by the rules of standardwebhooks.com."""

import base64
import json
import secrets
from datetime import UTC, datetime

from standardwebhooks import Webhook

from alerts.channels.channel_kind import (
    ChannelKind,
    Destination,
    Message,
    NotAnAddress,
    Reply,
    Topic,
    without_secrets,
)
from drift_detector.outbound.pinned_client import Answer, NotSent, request
from drift_detector.outbound.targets import AddressRefused, find_ip, parse_target

SECRET_PREFIX = "whsec_"  # noqa: S105 — the prefix of the specification
SECRET_BYTES = 32
GONE = 410
AGENT = "aumos-drift-detector"


class WebhookChannel(ChannelKind):
    name, title = "webhook", "Webhook"
    form = "https://hooks.example.com/drift"
    is_signed = True
    hears = frozenset(Topic)

    def check(self, address: str) -> str:
        try:
            parse_target(address)
        except AddressRefused as error:
            raise NotAnAddress(str(error)) from None
        return address

    def check_reach(self, address: str) -> None:
        try:
            find_ip(parse_target(address))
        except AddressRefused as error:
            raise NotAnAddress(str(error)) from None

    def shown(self, address: str) -> str:
        target = parse_target(address)
        return f"{target.scheme}://{target.host_header}/…"

    def send(self, destination: Destination, message: Message, *, seconds: float) -> Reply:
        body = body_of(message)
        headers = signed_headers(message.id, body, destination.secrets)
        try:
            answer = request(
                "POST", destination.address, seconds=seconds, body=body.encode(), headers=headers
            )
        except (AddressRefused, NotSent) as error:
            return Reply(False, without_secrets(str(error), destination))
        return _reply(answer, destination)


def new_secret() -> str:
    """A secret to sign with; people see it once."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def body_of(message: Message) -> str:
    """The body, which is the same in every try."""
    content = {"type": message.topic.value, "data": dict(message.data)}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def signed_headers(message_id: str, body: str, keys: tuple[str, ...]) -> dict[str, str]:
    """The headers of a request, with a signature by each secret."""
    now = datetime.now(UTC)
    signatures = [Webhook(key).sign(message_id, now, body) for key in keys]
    return {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _reply(answer: Answer, destination: Destination) -> Reply:
    said = without_secrets(f"{answer.status} {answer.text}", destination)
    if 300 <= answer.status < 400:
        said = f"{answer.status}: redirects are not followed."
    return Reply(answer.is_ok, said, is_final=answer.status == GONE)
