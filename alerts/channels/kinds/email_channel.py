"""Mails through the installation's mail server."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from alerts.channels.channel_kind import (
    ChannelKind,
    Destination,
    Message,
    NotAnAddress,
    Reply,
    without_secrets,
)

MOST_RECIPIENTS = 20
FAILURES = (OSError, smtplib.SMTPException)
LONGEST_SUBJECT = 200


class EmailChannel(ChannelKind):
    name, title = "email", "E-mail"
    form = "ops@example.com, ana@example.com"

    def check(self, address: str) -> str:
        if not settings.ENV.smtp.host or not settings.ENV.smtp.sender:
            raise NotAnAddress("The installation has no mail server (AUMOS_DRIFT_SMTP__HOST).")
        recipients = recipients_of(address)
        if not 0 < len(recipients) <= MOST_RECIPIENTS:
            raise NotAnAddress(f"There must be 1 to {MOST_RECIPIENTS} mail addresses.")
        if not all(_is_mail_address(each) for each in recipients):
            raise NotAnAddress("Each must be a mail address, with commas between them.")
        return ", ".join(recipients)

    def shown(self, address: str) -> str:
        domains = dict.fromkeys(each.rpartition("@")[2] for each in recipients_of(address))
        return ", ".join(f"…@{domain}" for domain in domains)

    def send(self, destination: Destination, message: Message, *, seconds: float) -> Reply:
        recipients = recipients_of(destination.address)
        try:
            with _server(seconds) as server:
                refused = server.send_message(mail_of(message, recipients), to_addrs=recipients)
        except FAILURES as error:
            return Reply(False, without_secrets(_reason(error), destination))
        accepted = len(recipients) - len(refused)
        return Reply(True, f"Accepted for {accepted} of {len(recipients)} addresses.")


def recipients_of(address: str) -> list[str]:
    """The mail addresses of a channel, each once."""
    parts = (part.strip() for part in address.split(","))
    return list(dict.fromkeys(part for part in parts if part))


def mail_of(message: Message, recipients: list[str]) -> EmailMessage:
    """The mail; its Message-ID is the same in every try."""
    sender = settings.ENV.smtp.sender
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.subject.split())[:LONGEST_SUBJECT]
    mail["From"] = sender
    mail["To"] = [Address(addr_spec=each) for each in recipients]
    mail["Date"] = format_datetime(timezone.now())
    mail["Message-ID"] = f"<{message.id}@{domain}>"
    if message.alert_id:  # programs show the mails of an alert as one conversation
        mail["References"] = f"<alert-{message.alert_id}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


@contextmanager
def _server(seconds: float) -> Iterator[smtplib.SMTP]:
    smtp = settings.ENV.smtp
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if smtp.security == "tls":
        server = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=seconds, context=context)
    else:
        server = smtplib.SMTP(smtp.host, smtp.port, timeout=seconds)
    with server:
        if smtp.security == "starttls":
            server.starttls(context=context)
        if smtp.user:
            server.login(smtp.user, smtp.password.get_secret_value())
        yield server


def _is_mail_address(text: str) -> bool:
    try:
        validate_email(text)
        Address(addr_spec=text)
    except (ValidationError, ValueError, IndexError):
        return False
    return text.isascii()


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        said = text.decode(errors="replace") if isinstance(text, bytes) else text
        return f"{error.smtp_code} {said}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "The mail server refused all addresses."
    if isinstance(error, TimeoutError):
        return "The mail server did not answer in time."
    return f"The mail server cannot be used ({type(error).__name__})."
