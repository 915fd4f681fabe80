"""A front on a port of its own, in a thread, before an application of the test."""

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
import uvicorn
from django.conf import settings

from drift_detector.embedded.state import unused_port
from drift_detector.front.application import Front
from drift_detector.front.front_server import config_of
from drift_detector.front.request_limits import limits_of
from drift_detector.front.wsgi_calls import Application

PATIENCE_SECONDS = 30
OPENED: list[socket.socket] = []
type Serve = Callable[..., int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves an application with the default limits, changed by keyword; gives the port."""
    with _servers() as start:
        yield start
    while OPENED:
        OPENED.pop().close()


@contextmanager
def _servers() -> Iterator[Serve]:
    running: list[tuple[uvicorn.Server, Thread]] = []

    def start(application: Application, **changes: Any) -> int:
        limits, port = replace(limits_of(settings.ENV), **changes), unused_port()
        config = config_of(Front(application, limits), "127.0.0.1", port, limits)
        config.timeout_graceful_shutdown = 1
        server = uvicorn.Server(config)
        thread = Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        while not server.started:
            thread.join(0.01)
        return port

    try:
        yield start
    finally:
        for server, _ in running:
            server.should_exit = True
        for _, thread in running:
            thread.join()


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """An application that answers with what it reads."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


def connect(port: int) -> socket.socket:
    """A connection that is closed at the end of the test at the latest."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
    OPENED.append(connection)
    return connection


def send(port: int, text: str | bytes) -> socket.socket:
    """A connection on which this has been sent."""
    connection = connect(port)
    connection.sendall(text.encode() if isinstance(text, str) else text)
    return connection


def read_all(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    parts = []
    with connection:
        try:
            while part := connection.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass
    return b"".join(parts)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])
