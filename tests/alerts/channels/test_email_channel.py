"""Mails as a real SMTP server on loopback receives them."""

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from alerts.channels.channel_kind import Destination, NotAnAddress
from alerts.channels.channel_registry import CHANNEL_KINDS
from drift_detector.embedded.state import unused_port
from tests.alerts.channels.messages import ALERT_ID, message

EMAIL = CHANNEL_KINDS["email"]


class MailBox:
    """Takes mails, or refuses them."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
            self.recipients.append(envelope.rcpt_tos)
        return self.answer


@pytest.fixture
def mails(override: Callable[..., None]) -> Iterator[MailBox]:
    box, port = MailBox(), unused_port()
    smtp = {"host": "127.0.0.1", "port": port, "security": "none"}
    override(smtp=smtp | {"sender": "Drift detector <drift@example.com>"})
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    yield box
    server.stop()


def test_send__mail__has_a_stable_id_a_thread_and_two_forms(mails: MailBox) -> None:
    reply = EMAIL.send(Destination("ops@example.com, ana@example.org"), message(), seconds=10)
    assert (reply.is_ok, reply.said) == (True, "Accepted for 2 of 2 addresses.")
    [mail] = mails.mails
    assert mail["Message-ID"] == "<msg_1@example.com>"
    assert mail["References"] == f"<alert-{ALERT_ID}@example.com>"
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("critical: Flights", "auto-generated")
    assert mails.recipients == [["ops@example.com", "ana@example.org"]]
    parts = {part.get_content_type(): part.get_content().strip() for part in mail.iter_parts()}
    assert parts == {"text/plain": "Drift in delay.", "text/html": "<p>Drift in delay.</p>"}


def test_send__line_break_in_the_subject__adds_no_header(mails: MailBox) -> None:
    EMAIL.send(Destination("ops@example.com"), message(subject="a\r\nBcc: x@y.z"), seconds=10)
    [mail] = mails.mails
    assert (mail["Subject"], mail["Bcc"]) == ("a Bcc: x@y.z", None)


def test_send__refused__is_said(mails: MailBox) -> None:
    mails.answer = "451 busy with ops@example.com"
    reply = EMAIL.send(Destination("ops@example.com"), message(), seconds=10)
    assert (reply.is_ok, reply.said) == (False, "451 busy with …")


def test_send__no_server__is_a_reply_and_no_error(override: Callable[..., None]) -> None:
    override(smtp={"host": "127.0.0.1", "port": unused_port(), "sender": "drift@example.com"})
    reply = EMAIL.send(Destination("ops@example.com"), message(), seconds=5)
    assert reply.said == "The mail server cannot be used (ConnectionRefusedError)."


def test_check__no_mail_server__is_refused() -> None:
    with pytest.raises(NotAnAddress, match="AUMOS_DRIFT_SMTP__HOST"):
        EMAIL.check("ops@example.com")


@pytest.mark.parametrize(
    "address",
    ["ops", "a@b.c\nBcc: d@e.f", "ops@example.com;ana@example.com", ", ", "ä@example.com"],
)
def test_check__no_mail_address__is_refused(mails: MailBox, address: str) -> None:
    with pytest.raises(NotAnAddress):
        EMAIL.check(address)
