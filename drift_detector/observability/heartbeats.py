"""`/metrics` and `/healthz` of the processes that answer no requests otherwise."""

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

from drift_detector.observability.metrics import LAST_ROUND, ROUND_LIMIT, ROUNDS
from drift_detector.observability.multiprocess import exposition

log = structlog.get_logger(__name__)

Deed = Literal["worked", "idle", "database_unavailable", "heartbeat", "tick"]


@dataclass(slots=True)
class Rounds:
    """What a process's loop did last, and when; its start counts as long as there was no round.

    Attributes:
        process: Its name.
        pause: How long it may wait between two rounds.
    """

    process: str
    pause: timedelta = timedelta()
    started: datetime = field(default_factory=timezone.now)
    last: tuple[Deed, datetime] | None = None

    def note(self, did: Deed) -> None:
        """A round has ended."""
        self.last = (did, timezone.now())
        ROUNDS.labels(self.process, did).inc()
        LAST_ROUND.labels(self.process).set(self.last[1].timestamp())
        ROUND_LIMIT.labels(self.process).set(self.limit.total_seconds())

    @property
    def limit(self) -> timedelta:
        """How old the last round may be."""
        return self.pause + timedelta(seconds=settings.ENV.metrics.max_round_seconds)

    @property
    def is_overdue(self) -> bool:
        """Whether the loop hangs, or is dead while its process lives."""
        return timezone.now() - self._seen > self.limit

    @property
    def _seen(self) -> datetime:
        return self.last[1] if self.last else self.started

    def as_json(self) -> dict[str, Any]:
        """What `/healthz` says."""
        return {
            "status": "overdue" if self.is_overdue else "ok",
            "process": self.process,
            "pid": os.getpid(),
            "started": self.started.isoformat(),
            "last_round": {"did": self.last[0], "at": self.last[1].isoformat()}
            if self.last
            else None,
            "limit_seconds": self.limit.total_seconds(),
        }


def watch(process: str, *, pause_seconds: float = 0) -> Rounds:
    """The rounds of this process, to be noted by its loop, and told at its address if it has one."""
    rounds = Rounds(process, timedelta(seconds=pause_seconds))
    if settings.ENV.metrics.port is not None:
        serve(rounds, settings.ENV.metrics.host, settings.ENV.metrics.port)
    return rounds


def serve(rounds: Rounds, host: str, port: int) -> ThreadingHTTPServer:
    """Answer `/metrics` and `/healthz` from a thread; stop the process with a sentence if the address is taken."""
    try:
        server = ThreadingHTTPServer((host, port), _handler(rounds))
    except OSError as error:
        sys.exit(
            f"{host}:{port} of AUMOS_DRIFT_METRICS__HOST and __PORT can't be listened on: {error.strerror}."
        )
    os.register_at_fork(
        after_in_child=server.socket.close
    )  # a child would keep the address when we have ended
    Thread(target=server.serve_forever, name="watching", daemon=True).start()
    log.info("watched", process=rounds.process, address=f"http://{host}:{server.server_port}")
    return server


def _handler(rounds: Rounds) -> type[BaseHTTPRequestHandler]:
    def healthz() -> tuple[int, str, bytes]:
        status = HTTPStatus.SERVICE_UNAVAILABLE if rounds.is_overdue else HTTPStatus.OK
        return status, "application/json", json.dumps(rounds.as_json()).encode()

    pages: dict[str, Callable[[], tuple[int, str, bytes]]] = {
        "/healthz": healthz,
        "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, exposition()),
    }

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # a client that says nothing doesn't keep its thread

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0], _not_found)
            status, content_type, body = page()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Every few seconds somebody asks."""

    return Handler


def _not_found() -> tuple[int, str, bytes]:
    return HTTPStatus.NOT_FOUND, "text/plain", b"/metrics or /healthz\n"
