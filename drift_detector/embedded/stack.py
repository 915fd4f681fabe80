"""The three servers together, and the settings that lead a process to them."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

from drift_detector.embedded.kafka import Kafka
from drift_detector.embedded.postgres import Postgres
from drift_detector.embedded.server import Server
from drift_detector.embedded.state import State
from drift_detector.embedded.valkey import Valkey

Role = Literal["owner", "app", "relay", "scheduler"]
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stack:
    """The servers that one service needs."""

    postgres: Postgres
    valkey: Valkey
    kafka: Kafka
    life: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def create(cls, state: State, *, durable: bool) -> "Stack":
        """Servers on a state folder, not started yet."""
        return cls(
            Postgres(state, durable=durable),
            Valkey(state, durable=durable),
            Kafka(state, durable=durable),
        )

    @property
    def servers(self) -> tuple[Server, ...]:
        """All of them."""
        return self.postgres, self.valkey, self.kafka

    def database_url(self, role: Role) -> str:
        """The database, as one of its roles."""
        return self.postgres.role_url(f"drift_{role}")

    def settings(self, role: Role) -> dict[str, str]:
        """The environment variables that point a process of the service at these servers."""
        return {
            "AUMOS_DRIFT_DATABASE__URL": self.database_url(role),
            "AUMOS_DRIFT_REDIS__URL": self.valkey.url,
            "AUMOS_DRIFT_KAFKA__BOOTSTRAP_SERVERS": self.kafka.url,
            # The broker forgets its topics when it ends; another group has no offsets that are left from them.
            "AUMOS_DRIFT_OUTCOMES__GROUP": f"aumos-drift-detector-{self.life}",
        }

    @contextmanager
    def running(self, report: Report) -> Iterator[None]:
        """Start all at once, tell `report` as each one answers, and stop all at the end, whatever happened.

        Raises:
            StartError: If one did not start.
        """
        try:
            with ThreadPoolExecutor(len(self.servers)) as pool:
                began = time.monotonic()
                starts = {pool.submit(server.start): server for server in self.servers}
                for started in as_completed(starts):
                    started.result()
                    report(f"{starts[started].title} ready ({time.monotonic() - began:.1f} s)")
            yield
        finally:
            with ThreadPoolExecutor(len(self.servers)) as pool:
                list(pool.map(Server.stop, self.servers))
