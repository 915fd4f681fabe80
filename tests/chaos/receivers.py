"""Receivers of webhooks that hang, refuse, or are not there for a time."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, NamedTuple

from drift_detector.embedded.state import LOOPBACK, unused_port

REFUSED_ONE_OF = 5
"""Of so many messages, one is refused at its first try."""

type Answer = Callable[["Receiver", str], int | None]


class Heard(NamedTuple):
    """One event of an alert in one message, in the order of arrival."""

    message_id: str
    alert_id: str
    number: int


@dataclass
class Receiver:
    """A server on loopback, and what it took with an answer of 200."""

    answer: Answer
    port: int = field(default_factory=unused_port)
    heard: list[Heard] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    released: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    @property
    def url(self) -> str:
        """The address of its channel."""
        return f"http://{LOOPBACK}:{self.port}/hook"

    def take(self, message_id: str, body: bytes) -> int | None:
        """The status to answer with; None keeps the request without an answer."""
        with self.lock:
            self.tries[message_id] += 1
            status = self.answer(self, message_id)
            if status == 200:
                self.heard += _heard(message_id, json.loads(body)["data"])
        return status

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take requests while the block runs."""
        server = ThreadingHTTPServer((LOOPBACK, self.port), _handler_of(self))
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.released.set()
            server.shutdown()
            server.server_close()
            thread.join()


def accept(receiver: Receiver, message_id: str) -> int | None:
    """Take every message."""
    return 200


def hang_at_first(requests: int) -> Answer:
    """Keep so many requests without an answer, and take what follows."""
    return lambda receiver, _: None if sum(receiver.tries.values()) <= requests else 200


def refuse_at_first(receiver: Receiver, message_id: str) -> int | None:
    """Answer 500 to the first try of some of the messages."""
    is_refused = len(receiver.tries) % REFUSED_ONE_OF == 1
    return 500 if is_refused and receiver.tries[message_id] == 1 else 200


def _heard(message_id: str, data: dict[str, Any]) -> list[Heard]:
    alert_id = data.get("alert_id", "")
    return [
        Heard(message_id, event.get("alert_id", alert_id), event["number"])
        for event in data["events"]
    ]


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(self.headers["webhook-id"], body)
            if status is None:
                receiver.released.wait()
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    return Handler
