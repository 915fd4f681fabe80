"""Tells of certificates for Kafka that end soon or have ended, at the start and once a day."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import structlog
from cryptography import x509
from django.conf import settings
from django.utils import timezone

from drift_detector.observability.metrics import set_certificate_days
from drift_detector.observability.troubles import end_trouble, set_trouble

log = structlog.get_logger(__name__)

DAY_SECONDS = 86_400.0
TROUBLE = "kafka certificate"


@dataclass(slots=True)
class CertificateWatch:
    """Looks at files of certificates once a day.

    Attributes:
        files: Those of this process's own certificate and of the brokers' authority.
        warn: The time before the end of a certificate from which the service warns.
    """

    files: tuple[Path, ...]
    warn: timedelta
    clock: Callable[[], float] = time.monotonic
    _next: float = 0.0

    def check(self) -> None:
        """Tell of each certificate that ends soon, has ended or can't be read, if a day has passed."""
        if not self.files or self.clock() < self._next:
            return
        self._next = self.clock() + DAY_SECONDS
        sentences = [sentence for file in self.files if (sentence := self._sentence(file))]
        if sentences:
            set_trouble(TROUBLE, " ".join(sentences))
            log.error("kafka_certificate_ends", certificates=sentences)
        else:
            end_trouble(TROUBLE)

    def _sentence(self, file: Path) -> str:
        """The trouble with the certificate that ends first; empty without one."""
        try:
            ends = min(_ends(file.read_bytes()))
        except (OSError, ValueError) as error:
            return f"{file.name} can't be read: {type(error).__name__}."
        left = ends - timezone.now()
        set_certificate_days(file.name, left / timedelta(days=1))
        if left > self.warn:
            return ""
        verb = "ends" if left > timedelta() else "has ended:"
        return f"{file.name} {verb} {ends:%Y-%m-%dT%H:%M:%SZ}."


def certificate_watch() -> CertificateWatch:
    """The watch of this process, one for all clients of the same settings."""
    kafka = settings.ENV.kafka
    files = (kafka.ssl_certificate_location, kafka.ssl_ca_location)
    return _watch(tuple(file for file in files if file), kafka.certificate_warn_days)


@cache
def _watch(files: tuple[Path, ...], days: int) -> CertificateWatch:
    return CertificateWatch(files, timedelta(days=days))


def _ends(pem: bytes) -> Iterable[datetime]:
    return [each.not_valid_after_utc for each in x509.load_pem_x509_certificates(pem)]
