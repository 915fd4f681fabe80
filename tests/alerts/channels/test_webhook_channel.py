"""Webhooks as a receiver sees them, verified by the library of the specification."""

import json
from collections.abc import Callable, Iterator

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from alerts.channels.channel_kind import Destination, NotAnAddress
from alerts.channels.channel_registry import CHANNEL_KINDS
from alerts.channels.kinds.webhook_channel import new_secret
from tests.alerts.channels.messages import message
from tests.drift_detector.outbound.receivers import Receiver, receiving

WEBHOOK = CHANNEL_KINDS["webhook"]


@pytest.fixture
def receiver(override: Callable[..., None]) -> Iterator[Receiver]:
    override(notifier={"allowed_hosts": ["127.0.0.1"]})
    with receiving() as found:
        yield found


def test_send__message__is_signed_as_the_specification_says(receiver: Receiver) -> None:
    secret = new_secret()
    reply = WEBHOOK.send(Destination(receiver.url, (secret,)), message(), seconds=5)
    assert (reply.is_ok, reply.said) == (True, "200 thanks")
    [received] = receiver.requests
    verified = Webhook(secret).verify(received.body, received.headers)
    assert verified == {"type": "alert.raised", "data": dict(message().data)}
    assert received.headers["webhook-id"] == "msg_1"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(received.body, received.headers)


def test_send__while_a_secret_is_rotated__both_verify(receiver: Receiver) -> None:
    new, old = new_secret(), new_secret()
    WEBHOOK.send(Destination(receiver.url, (new, old)), message(), seconds=5)
    [received] = receiver.requests
    for secret in (new, old):
        assert Webhook(secret).verify(received.body, received.headers)


def test_send__twice__is_the_same_body_and_id(receiver: Receiver) -> None:
    for _ in range(2):
        WEBHOOK.send(Destination(receiver.url, (new_secret(),)), message(), seconds=5)
    first, second = receiver.requests
    assert first.body == second.body
    assert json.loads(first.body)["type"] == "alert.raised"
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


@pytest.mark.parametrize(
    ("status", "is_final"), [(500, False), (404, False), (307, False), (410, True)]
)
def test_send__refusal__is_said_without_the_address(
    receiver: Receiver, status: int, is_final: bool
) -> None:
    secret = new_secret()
    receiver.answer = (status, f"no: s3cr3t {secret} {receiver.url}".encode())
    address = receiver.url.replace("token=s3cr3t", "token=s3cr3t-t0ken")
    receiver.answer = (status, f"no: s3cr3t-t0ken {secret} {address}".encode())
    reply = WEBHOOK.send(Destination(address, (secret,)), message(), seconds=5)
    assert (reply.is_ok, reply.is_final) == (False, is_final)
    assert reply.said.startswith(str(status))
    assert "s3cr3t-t0ken" not in reply.said
    assert secret not in reply.said


def test_send__nothing_listens__is_a_reply_and_no_error(override: Callable[..., None]) -> None:
    override(notifier={"allowed_hosts": ["127.0.0.1"]})
    with receiving() as gone:
        address = gone.url
    reply = WEBHOOK.send(Destination(address, (new_secret(),)), message(), seconds=5)
    assert (reply.is_ok, reply.said) == (False, "The connection was refused.")


@pytest.mark.parametrize("host", ["localhost", "127.1", "localtest.invalid"])
def test_check_reach__name_that_leads_inside_or_nowhere__is_refused(host: str) -> None:
    with pytest.raises(NotAnAddress):
        WEBHOOK.check_reach(f"https://{host}/x")


def test_destination__printed__shows_nothing() -> None:
    assert "s3cr3t" not in repr(Destination("https://example.com/s3cr3t", ("s3cr3t",)))
