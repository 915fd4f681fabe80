"""A Kafka broker of one of two kinds: Tansu, which needs nothing more, or Apache Kafka, which needs Java."""

import socket

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from drift_detector.embedded.server import Server, StartError
from drift_detector.embedded.state import LOOPBACK, State

TOPICS = (
    "drift.detected", "drift.alert_raised", "drift.retraining_required",
    "model.outcomes.dead",
)  # fmt: skip
PARTITIONS = 16
CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 10


class Kafka(Server):
    """A broker with this service's topics.

    Attributes:
        clients_port: Where clients reach it, if not at the port on which it listens.
    """

    name = "kafka"

    def __init__(self, state: State, *, durable: bool) -> None:
        super().__init__(state, durable=durable)
        self.clients_port: int | None = None

    @property
    def url(self) -> str:
        """The bootstrap server, `host:port`."""
        return f"{LOOPBACK}:{self.clients_port or self.port}"

    @property
    def keeps_messages(self) -> bool:
        """True if the broker has its messages after a restart."""
        return False

    def admin_settings(self) -> dict[str, str | int | float | bool]:
        """The librdkafka properties of a client that may do everything."""
        return {"bootstrap.servers": self.url}

    @property
    def listener(self) -> str:
        """The address on which the broker listens, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    def is_ready(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), CONNECT_SECONDS):
                return True
        except OSError:
            return False

    def provision(self) -> None:
        admin = AdminClient(self.admin_settings() | {"log_level": 0})
        made = admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in TOPICS])
        for topic in made.values():
            try:
                topic.result(ANSWER_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise StartError(
                        f"{self.title} refused to create the topics: {error}"
                    ) from error
