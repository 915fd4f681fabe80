"""Threads, turns and answers, over real sockets."""

import io
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPConnection
from threading import Event
from typing import Any
from wsgiref.validate import validator

import pytest
from django.core.wsgi import get_wsgi_application

from drift_detector.api.waiting import CLIENT_LEFT
from tests.drift_detector.front.conftest import (
    PATIENCE_SECONDS,
    Serve,
    connect,
    echo,
    read_all,
    send,
    status_of,
)

LAST = "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\nConnection: close\r\n\r\n"


class Held:
    """An application that answers `/held` when it may, and the rest at once."""

    def __init__(self) -> None:
        self.may_answer = Event()
        self.begun: list[Event] = [Event() for _ in range(20)]
        self.left: list[Event] = []

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/held":
            self.left.append(environ[CLIENT_LEFT])
            self.begun[len(self.left) - 1].set()
            assert self.may_answer.wait(PATIENCE_SECONDS)
        return echo(environ, start_response)


@pytest.fixture
def held() -> Iterator[Held]:
    application = Held()
    yield application
    application.may_answer.set()


def get(port: int, path: str, key: str = "me") -> int:
    return status_of(read_all(send(port, LAST.format(path=path, key=key))))


def test_healthz__while_all_threads_are_busy__is_answered(serve: Serve, held: Held) -> None:
    port = serve(held, threads=2, queue_seconds=1)
    for number in range(2):
        send(port, LAST.format(path="/held", key=number))
        held.begun[number].wait(PATIENCE_SECONDS)
    assert [get(port, path) for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/monitors", "/metrics"])
def test_key_in_the_address__of_the_whole_web_process__is_refused(serve: Serve, path: str) -> None:
    key = "adk_" + "A" * 43
    port = serve(get_wsgi_application())
    assert [get(port, f"{path}{end}") for end in (f"?k={key}", f"?k=%61{key[1:]}")] == [400, 400]


def test_healthz__when_no_request_ends_any_more__is_503(serve: Serve, held: Held) -> None:
    port = serve(held, threads=2, stuck_seconds=0)
    for number in range(2):
        send(port, LAST.format(path="/held", key=number))
        held.begun[number].wait(PATIENCE_SECONDS)
    waits = send(port, LAST.format(path="/", key="waits"))
    while get(port, "/healthz") == 200:
        pass
    held.may_answer.set()
    assert status_of(read_all(waits)) == 200
    assert get(port, "/healthz") == 200


def test_threads__of_one_caller__are_half_of_all(serve: Serve, held: Held) -> None:
    port = serve(held, threads=4)
    for _ in range(10):
        send(port, LAST.format(path="/held", key="greedy"))
    for number in range(2):
        held.begun[number].wait(PATIENCE_SECONDS)
    assert get(port, "/", key="modest") == 200
    assert not held.begun[2].is_set()


@pytest.mark.parametrize("sent", ["GET / HT", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx", ""])
def test_threads__with_many_slow_clients__are_free(serve: Serve, sent: str) -> None:
    port = serve(echo, threads=2)
    slow = [send(port, sent) for _ in range(100)]
    assert get(port, "/") == 200
    for each in slow:
        each.close()


def large(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"x" * 20_000_000] if environ["PATH_INFO"] == "/large" else [b"small"]


def test_threads__with_clients_that_do_not_read__are_free(serve: Serve) -> None:
    port = serve(large, threads=2)
    slow = [send(port, LAST.format(path="/large", key=number)) for number in range(5)]
    assert get(port, "/") == 200
    for each in slow:
        each.close()


def test_answer__that_is_not_read__is_given_up(serve: Serve) -> None:
    port = serve(large, send_seconds=0.2)
    connection = send(port, LAST.format(path="/large", key="slow"))
    ended = Event()
    while not ended.is_set():  # the end is seen when something is sent
        try:
            connection.send(b"x")
        except OSError:
            ended.set()
    assert len(read_all(connection)) < 20_000_000


def test_client__that_leaves__is_noticed_at_work(serve: Serve, held: Held) -> None:
    port = serve(held, threads=2)
    connection = send(port, LAST.format(path="/held", key="leaves"))
    held.begun[0].wait(PATIENCE_SECONDS)
    assert not held.left[0].is_set()
    connection.close()
    assert held.left[0].wait(PATIENCE_SECONDS)


def test_client__that_leaves_before_its_turn__takes_no_thread(serve: Serve, held: Held) -> None:
    port = serve(held, threads=2)
    send(port, LAST.format(path="/held", key="same"))
    held.begun[0].wait(PATIENCE_SECONDS)
    send(port, LAST.format(path="/held", key="same")).close()
    assert get(port, "/healthz") == 200
    held.may_answer.set()
    assert get(port, "/", key="same") == 200
    assert not held.begun[1].is_set()


def test_request__that_waits_too_long_for_a_thread__is_503(serve: Serve, held: Held) -> None:
    port = serve(held, threads=2, queue_seconds=0.2)
    send(port, LAST.format(path="/held", key="same"))
    held.begun[0].wait(PATIENCE_SECONDS)
    answer = read_all(send(port, LAST.format(path="/", key="same")))
    assert (status_of(answer), b"retry-after: 5" in answer) == (503, True)


def test_headers__with_an_underscore__are_dropped(serve: Serve) -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(environ)
        return echo(environ, start_response)

    sent = LAST.format(path="/", key="a\r\nX_Forwarded_Proto: https\r\nCookie: a=1\r\nCookie: b=2")
    assert status_of(read_all(send(serve(application), sent))) == 200
    assert "HTTP_X_FORWARDED_PROTO" not in seen
    assert seen["HTTP_COOKIE"] == "a=1; b=2"


def test_environ__and_call__are_as_pep_3333_says(serve: Serve) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode("latin-1")]

    connection = HTTPConnection("127.0.0.1", serve(validator(application)))
    connection.request("GET", "/caf%C3%A9?a=b")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, "/café".encode())
    connection.close()


def test_answer__of_a_file__is_sent_and_the_file_closed(serve: Serve) -> None:
    file = io.BytesIO(b"y" * 200_000)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "200000")])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapped

    answer = read_all(send(serve(application), LAST.format(path="/", key="a")))
    assert answer.endswith(b"\r\n\r\n" + b"y" * 200_000)
    assert file.closed


def test_answer__to_head__has_a_length_and_no_body(serve: Serve) -> None:
    with connect(serve(echo)) as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert read_all(connection).endswith(b"\r\n\r\n")
