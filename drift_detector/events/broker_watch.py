"""Watches a Kafka client: its log goes through structlog, and trouble is reported when it begins, lasts and ends.

While no broker answers, librdkafka says so at each try. Here that is one line at the beginning, one a
minute, and one at the end. The same is shown in `/healthz` and counted in the metrics.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from confluent_kafka import KafkaError, KafkaException

from drift_detector.observability.metrics import count_kafka_error, set_kafka_trouble
from drift_detector.observability.troubles import end_trouble, set_trouble

log = structlog.get_logger(__name__)

REPORT_EVERY_SECONDS = 60.0
PROBE_EVERY_SECONDS = 5.0
# A right is asked for again when an event is tried again; after this rest it is thought to be granted.
RIGHT_REST_SECONDS = 900.0

ClientKind = Literal["producer", "consumer"]
Reason = Literal["unreachable", "authentication", "tls", "authorization", "other"]
REASONS: dict[int, Reason] = {
    KafkaError._ALL_BROKERS_DOWN: "unreachable",
    KafkaError._TRANSPORT: "unreachable",
    KafkaError._RESOLVE: "unreachable",
    KafkaError._TIMED_OUT: "unreachable",
    KafkaError._AUTHENTICATION: "authentication",
    KafkaError.SASL_AUTHENTICATION_FAILED: "authentication",
    KafkaError._SSL: "tls",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "authorization",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "authorization",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "authorization",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "authorization",
}
# Some failed handshakes come with the code of a connection that ended.
IN_HANDSHAKE = "SSL_HANDSHAKE"
# Lines of librdkafka's log that its error callback tells, too.
CONNECTION = ("FAIL", "ERROR")


@dataclass(slots=True)
class Trouble:
    """One trouble of a client, from its beginning to its end.

    Attributes:
        began: When it began, by the clock of the watch; the other times are by it, too.
        reported: When the log had its last line about it.
        last: When its last error came.
        errors: The number of errors since the last report.
    """

    reason: Reason
    text: str
    began: float
    reported: float
    last: float
    errors: int = 0


@dataclass(slots=True)
class BrokerWatch:
    """The reports of one client about its brokers; librdkafka calls `log` and `on_error` while it is polled.

    Attributes:
        client: The kind of the client, as people read it.
        outage: No broker answers, or none lets the client in.
        refusals: Missing rights, by the topic or group.
    """

    client: ClientKind
    clock: Callable[[], float] = time.monotonic
    outage: Trouble | None = None
    refusals: dict[str, Trouble] = field(default_factory=dict)
    _last_error: tuple[Reason, str] = ("unreachable", "")
    _probed: float = 0.0
    _lines: Counter[str] = field(default_factory=Counter)
    _line_reported: dict[str, float] = field(default_factory=dict)

    def log(self, level: int, _form: str, facility: str, _client: str, text: str) -> None:
        """Take a line of librdkafka's log, as a `logging.Logger` would."""
        if self.outage and facility in CONNECTION:
            return
        self._lines[facility] += 1
        now = self.clock()
        if now - self._line_reported.get(facility, -REPORT_EVERY_SECONDS) >= REPORT_EVERY_SECONDS:
            self._line_reported[facility] = now
            lines = self._lines.pop(facility)
            log.log(
                level, "kafka_log", client=self.client, facility=facility, text=text, lines=lines
            )

    def on_error(self, error: KafkaError) -> None:
        """Take an error that is about brokers, not about one message."""
        reason = reason_of(error)
        count_kafka_error(self.client, reason)
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._last_error = (reason, error.str())
        if reason == "authorization":
            self.refused("", error)
        elif self.outage:
            self._go_on_with_outage()
        elif error.code() == KafkaError._ALL_BROKERS_DOWN or reason in ("authentication", "tls"):
            self._begin_outage()
        elif error.fatal() or reason == "other":
            self.log(logging.WARNING, "", error.name(), "", error.str())

    def on_delivery(self, topic: str, error: KafkaError | None) -> None:
        """Take the report of a message that was sent or read, for the rights to its topic."""
        if error is None:
            self.accepted(topic)
        elif reason_of(error) == "authorization":
            count_kafka_error(self.client, "authorization")
            self.refused(topic, error)

    def refused(self, subject: str, error: KafkaError) -> None:
        """Record that the client has no right to a topic or group."""
        now = self.clock()
        trouble = self.refusals.get(subject)
        if trouble is None:
            trouble = self.refusals[subject] = Trouble("authorization", error.str(), now, now, now)
            log.error("kafka_right_missing", client=self.client, topic=subject, error=error.str())
            self._show()
        trouble.errors += 1
        trouble.last = now

    def accepted(self, subject: str) -> None:
        """Record that a topic was read or written, so no right to it is missing."""
        if self.refusals and (ended := self.refusals.pop(subject, None)):
            self._report_end("kafka_right_granted", ended, topic=subject)

    def check(self, answers: Callable[[], bool]) -> None:
        """Find out whether the outage has ended, and tell once a minute while it has not.

        Args:
            answers: Asks a broker something; called at most every five seconds, and in an outage only.
        """
        now = self.clock()
        if self.outage and now - self._probed >= PROBE_EVERY_SECONDS:
            self._probed = now
            if answers():
                self._end_outage()
            else:
                self._go_on_with_outage(errors=0)
        for subject, trouble in list(self.refusals.items()):
            if now - trouble.last > RIGHT_REST_SECONDS:
                self.accepted(subject)
            else:
                self._report_if_due("kafka_right_missing", trouble, topic=subject)

    def _begin_outage(self) -> None:
        now = self.clock()
        reason, text = self._last_error
        self.outage = Trouble(reason, text, now, now, now, errors=1)
        self._probed = now
        log.warning("kafka_unavailable", client=self.client, reason=reason, error=text)
        self._show()

    def _go_on_with_outage(self, errors: int = 1) -> None:
        assert self.outage
        self.outage.errors += errors
        if errors:
            self.outage.reason, self.outage.text = self._last_error
            self._show()
        self._report_if_due("kafka_unavailable", self.outage, reason=self.outage.reason)

    def _end_outage(self) -> None:
        ended, self.outage = self.outage, None
        if ended:
            self._report_end("kafka_available", ended, reason=ended.reason)

    def _report_if_due(self, event: str, trouble: Trouble, **more: str) -> None:
        now = self.clock()
        if now - trouble.reported >= REPORT_EVERY_SECONDS:
            seconds = round(now - trouble.began)
            counted = {"errors": trouble.errors, "seconds": seconds}
            log.warning(event, client=self.client, error=trouble.text, **counted, **more)
            trouble.reported, trouble.errors = now, 0

    def _report_end(self, event: str, trouble: Trouble, **more: str) -> None:
        seconds = round(self.clock() - trouble.began)
        log.warning(event, client=self.client, seconds=seconds, errors=trouble.errors, **more)
        self._show()

    def _show(self) -> None:
        """Show the present troubles in `/healthz` and as metrics."""
        present = [*([self.outage] if self.outage else []), *self.refusals.values()]
        name = f"kafka {self.client}"
        if present:
            set_trouble(name, f"{present[0].reason}: {present[0].text}")
        else:
            end_trouble(name)
        set_kafka_trouble(self.client, {trouble.reason for trouble in present})


def reason_of(error: KafkaError) -> Reason:
    """The kind of trouble that an error is about."""
    if error.code() == KafkaError._TRANSPORT and IN_HANDSHAKE in error.str():
        return "tls"
    return REASONS.get(error.code(), "other")


def broker_answers(client: Any) -> bool:
    """True if a broker answers this client within a second."""
    try:
        client.list_topics(timeout=1.0)
    except KafkaException:
        return False
    return True
