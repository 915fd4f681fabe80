"""`/metrics` and `/healthz` of the processes that serve no other HTTP requests."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Literal

import structlog
from django.conf import settings
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST

from drift_detector.observability.lives import say_alive
from drift_detector.observability.metrics import LAST_ROUND, ROUND_LIMIT, ROUNDS
from drift_detector.observability.multiprocess import exposition
from drift_detector.observability.troubles import troubles

log = structlog.get_logger(__name__)

LoopEvent = Literal["worked", "idle", "database_unavailable", "heartbeat", "tick"]
type Page = tuple[int, str, bytes]

SILENT_CLIENT_SECONDS = 10


@dataclass(slots=True)
class Heartbeat:
    """The last sign of life of a process's loop; the start counts until the first round ends.

    Attributes:
        process: The name of the process.
        pause: The longest pause between two rounds.
        started: The time at which the process started.
        last: The last event of the loop and its time.
    """

    process: str
    pause: timedelta = timedelta()
    started: datetime = field(default_factory=timezone.now)
    last: tuple[LoopEvent, datetime] | None = None

    def record(self, event: LoopEvent) -> None:
        """Record that a round has ended."""
        now = timezone.now()
        self.last = (event, now)
        ROUNDS.labels(self.process, event).inc()
        LAST_ROUND.labels(self.process).set(now.timestamp())
        ROUND_LIMIT.labels(self.process).set(self.limit.total_seconds())
        if event != "database_unavailable":
            say_alive(self.process, seconds=self.limit.total_seconds())

    @property
    def limit(self) -> timedelta:
        """The age from which the last round is overdue."""
        return self.pause + timedelta(seconds=settings.ENV.metrics.max_round_seconds)

    @property
    def is_overdue(self) -> bool:
        """True if the loop hangs, or is dead while its process lives."""
        last_seen = self.last[1] if self.last else self.started
        return timezone.now() - last_seen > self.limit

    def as_json(self) -> dict[str, Any]:
        """The body of `/healthz`."""
        return {
            "status": "overdue" if self.is_overdue else "ok",
            "process": self.process,
            "pid": os.getpid(),
            "started": self.started.isoformat(),
            "last_round": self._last_round(),
            "limit_seconds": self.limit.total_seconds(),
            "troubles": troubles(),
        }

    def _last_round(self) -> dict[str, str] | None:
        if self.last is None:
            return None
        event, at = self.last
        return {"did": event, "at": at.isoformat()}


def start_heartbeat(process: str, *, pause_seconds: float = 0) -> Heartbeat:
    """Start the heartbeat of this process, and serve it if AUMOS_DRIFT_METRICS__PORT is set.

    Args:
        process: The name of the process.
        pause_seconds: The longest pause between two rounds.
    """
    heartbeat = Heartbeat(process, timedelta(seconds=pause_seconds))
    if settings.ENV.metrics.port is not None:
        serve(heartbeat, settings.ENV.metrics.host, settings.ENV.metrics.port)
    return heartbeat


def serve(heartbeat: Heartbeat, host: str, port: int) -> ThreadingHTTPServer:
    """Serve `/metrics` and `/healthz` from a thread.

    Raises:
        SystemExit: If the address cannot be used.
    """
    server = _listen(heartbeat, host, port)
    # A child process would keep the address after its parent has ended.
    os.register_at_fork(after_in_child=server.socket.close)
    Thread(target=server.serve_forever, name="heartbeat-server", daemon=True).start()
    address = f"http://{host}:{server.server_port}"
    log.info("heartbeat_served", process=heartbeat.process, address=address)
    return server


def _listen(heartbeat: Heartbeat, host: str, port: int) -> ThreadingHTTPServer:
    try:
        return ThreadingHTTPServer((host, port), _handler(_pages(heartbeat)))
    except OSError as error:
        sys.exit(
            f"{host}:{port} of AUMOS_DRIFT_METRICS__HOST and __PORT cannot be listened on: "
            f"{error.strerror}."
        )


def _pages(heartbeat: Heartbeat) -> dict[str, Callable[[], Page]]:
    def healthz() -> Page:
        status = HTTPStatus.SERVICE_UNAVAILABLE if heartbeat.is_overdue else HTTPStatus.OK
        return status, "application/json", json.dumps(heartbeat.as_json()).encode()

    def metrics() -> Page:
        return HTTPStatus.OK, CONTENT_TYPE_LATEST, exposition()

    return {"/healthz": healthz, "/metrics": metrics}


def _handler(pages: dict[str, Callable[[], Page]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        # A client that sends nothing must not keep its thread.
        timeout = SILENT_CLIENT_SECONDS

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0], _not_found)
            status, content_type, body = page()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Log no requests: Prometheus and the health check ask every few seconds."""

    return Handler


def _not_found() -> Page:
    return HTTPStatus.NOT_FOUND, "text/plain", b"/metrics or /healthz\n"
