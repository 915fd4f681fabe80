"""The three servers together, and the settings with which a process reaches them."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

from drift_detector.embedded.apache_kafka import ApacheKafka
from drift_detector.embedded.kafka import Kafka
from drift_detector.embedded.postgres import Postgres
from drift_detector.embedded.server import Server, StartError
from drift_detector.embedded.state import State
from drift_detector.embedded.tansu import Tansu
from drift_detector.embedded.valkey import Valkey

Role = Literal["owner", "web", "app", "commands", "relay", "scheduler", "notifier"]
Report = Callable[[str], None]
BROKER_VARIABLE = "KAFKA"
BROKERS: dict[str, type[Kafka]] = {"tansu": Tansu, "apache": ApacheKafka}


def create_broker(state: State, *, durable: bool) -> Kafka:
    """The broker that the variable KAFKA names, not started: `tansu`, the default, or `apache`.

    Raises:
        StartError: If it names another one.
    """
    name = os.environ.get(BROKER_VARIABLE) or "tansu"
    if name not in BROKERS:
        raise StartError(f"{BROKER_VARIABLE} is {name!r}, but must be tansu or apache.")
    return BROKERS[name](state, durable=durable)


@dataclass(frozen=True, slots=True)
class Stack:
    """The servers that one service needs."""

    postgres: Postgres
    valkey: Valkey
    kafka: Kafka
    broker_run: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def create(cls, state: State, *, durable: bool) -> "Stack":
        """Create servers on a state folder, without starting them."""
        return cls(
            Postgres(state, durable=durable),
            Valkey(state, durable=durable),
            create_broker(state, durable=durable),
        )

    @property
    def servers(self) -> tuple[Server, ...]:
        """All three servers."""
        return self.postgres, self.valkey, self.kafka

    def database_url(self, role: Role) -> str:
        """The URL of the database for one role."""
        return self.postgres.role_url(f"drift_{role}")

    def settings(self, role: Role) -> dict[str, str]:
        """The environment variables with which a process of the service reaches the servers."""
        return {
            "AUMOS_DRIFT_DATABASE__URL": self.database_url(role),
            "AUMOS_DRIFT_REDIS__URL": self.valkey.url,
            "AUMOS_DRIFT_KAFKA__BOOTSTRAP_SERVERS": self.kafka.url,
            "AUMOS_DRIFT_OUTCOMES__GROUP": self._consumer_group,
        }

    @property
    def _consumer_group(self) -> str:
        if self.kafka.keeps_messages:
            return "aumos-drift-detector"
        # The broker loses its topics at its end; a new group has no offsets of the lost ones.
        return f"aumos-drift-detector-{self.broker_run}"

    @contextmanager
    def running(self, report: Report) -> Iterator[None]:
        """Start all servers at once, and stop all at the end of the block.

        Args:
            report: Called with a line of text for each server that answers.

        Raises:
            StartError: If one did not start.
        """
        try:
            self._start(report)
            yield
        finally:
            with ThreadPoolExecutor(len(self.servers)) as pool:
                list(pool.map(Server.stop, self.servers))

    def _start(self, report: Report) -> None:
        began = time.monotonic()
        with ThreadPoolExecutor(len(self.servers)) as pool:
            starts = {pool.submit(server.start): server for server in self.servers}
            for started in as_completed(starts):
                started.result()
                report(f"{starts[started].title} ready ({time.monotonic() - began:.1f} s)")
