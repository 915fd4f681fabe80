"""Apache Kafka: one node that is broker and controller (KRaft), on Java.

It keeps its log in the state folder. A temporary one begins with an empty log at each start.
"""

import base64
import os
import shutil
import subprocess
import uuid
from pathlib import Path

from drift_detector.embedded.java import java_program, kafka_jars
from drift_detector.embedded.kafka import PARTITIONS, Kafka
from drift_detector.embedded.server import StartError
from drift_detector.embedded.state import LOOPBACK, State

# One small broker on a developer's machine: a short start counts more than peak speed.
JAVA_OPTIONS = (
    "-Xms64m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)  # fmt: skip
FORMAT_SECONDS = 60


class ApacheKafka(Kafka):
    """A broker that has its messages after a restart, if it is durable."""

    title = "Kafka broker (Apache Kafka)"

    def __init__(self, state: State, *, durable: bool) -> None:
        super().__init__(state, durable=durable)
        self._controller_port = state.port(f"{self.name}_controller")

    @property
    def keeps_messages(self) -> bool:
        return self.durable

    @property
    def data(self) -> Path:
        """The log of all topics."""
        return self.folder / "data"

    def prepare(self) -> None:
        super().prepare()
        if not self.durable:
            shutil.rmtree(self.data, ignore_errors=True)
        lines = [f"{name}={value}\n" for name, value in self.properties().items()]
        _write_privately(self._configuration_file, "".join(lines))
        if not (self.data / "meta.properties").exists():
            self._format()

    def command(self) -> list[str]:
        return [*self._java(), "kafka.Kafka", str(self._configuration_file)]

    def properties(self) -> dict[str, str]:
        """The content of `server.properties`."""
        return {
            "node.id": "1",
            "process.roles": "broker,controller",
            "controller.quorum.voters": f"1@{LOOPBACK}:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"CLIENTS://{self.listener},CONTROLLER://{LOOPBACK}:{self._controller_port}",
            "advertised.listeners": f"CLIENTS://{self.url}",
            "inter.broker.listener.name": "CLIENTS",
            "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.data),
            "num.partitions": str(PARTITIONS),
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            # A group of one machine need not wait for members that start later.
            "group.initial.rebalance.delay.ms": "0",
        }

    def format_arguments(self) -> list[str]:
        """Further arguments of the tool that formats an empty log."""
        return []

    @property
    def _configuration_file(self) -> Path:
        return self.folder / "server.properties"

    def _java(self) -> list[str]:
        classes = f"{kafka_jars()}/*"
        return [str(java_program()), *JAVA_OPTIONS, "-cp", classes]

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # In one word, because the id may begin with a dash.
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
        where = ["--config", str(self._configuration_file), *self.format_arguments()]
        done = subprocess.run(  # noqa: S603
            [*self._java(), *tool, *where],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=FORMAT_SECONDS,
            start_new_session=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise StartError(f"{self.title} could not format its log: {said}")


def _write_privately(file: Path, content: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(content)
