"""The processes of the service: the command and the database role of each."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from drift_detector.embedded.stack import Role
from drift_detector.embedded.state import LOOPBACK

WEB = "web"
# Workers share only the ledger; mingling would cost a second at each connection.
ALONE = ("--without-mingle", "--without-gossip")
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
"""Where it is set, each process would compile this project again at its start, which takes seconds."""


@dataclass(frozen=True, slots=True)
class Process:
    """One long-running command."""

    name: str
    role: Role
    command: Sequence[str]
    metrics_port: int | None = None


def exported_environment() -> dict[str, str]:
    """The environment of this process, for others that it starts."""
    return {name: value for name, value in os.environ.items() if name != NO_BYTECODE}


def service_processes(*, port: int, workers: int) -> list[Process]:
    """The processes of `make run`; compose.yaml has the same."""
    return [
        Process(WEB, "web", _web(port)),
        *(Process(f"worker.{number}", "app", _worker(number)) for number in range(1, workers + 1)),
        Process("consumer", "app", manage("consume_outcomes")),
        Process("beat", "scheduler", _beat()),
        Process("reconciler", "scheduler", manage("reconcile")),
        Process("relay", "relay", manage("relay")),
        Process("notifier", "notifier", manage("notifier")),
    ]


def with_metrics(processes: Sequence[Process], *, first_port: int) -> list[Process]:
    """Give each process but web a port for `/metrics` and `/healthz`, in ascending order."""
    others = [process for process in processes if process.name != WEB]
    ports = {process.name: first_port + number for number, process in enumerate(others)}
    return [replace(process, metrics_port=ports.get(process.name)) for process in processes]


def metrics_ports(processes: Sequence[Process]) -> dict[str, int]:
    """The port of `/metrics` and `/healthz` of each process that has one, by its name."""
    return {process.name: process.metrics_port for process in processes if process.metrics_port}


def manage(*arguments: str) -> list[str]:
    """A `manage.py` command, with this virtual environment's Python."""
    return [sys.executable, "manage.py", *arguments]


def _web(port: int) -> list[str]:
    return [sys.executable, "-m", "drift_detector.front", LOOPBACK, str(port)]


def _worker(number: int) -> list[str]:
    options = ["--concurrency", "1", "--hostname", f"worker{number}@%h", "--loglevel", "INFO"]
    return _celery("worker", *options, *ALONE)


def _beat() -> list[str]:
    scheduler = "drift_detector.scheduling.scheduler:TickScheduler"
    return _celery("beat", "--scheduler", scheduler, "--loglevel", "INFO")


def _celery(*arguments: str) -> list[str]:
    quiet_root = ["-W", "ignore:You're running the worker with superuser privileges"]
    return [
        sys.executable,
        *quiet_root,
        "-m",
        "celery",
        "--quiet",
        "-A",
        "drift_detector",
        *arguments,
    ]
