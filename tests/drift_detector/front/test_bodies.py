"""Bodies over real sockets: whole, within their size and time."""

import json
from collections.abc import Callable, Iterable
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.drift_detector.front.conftest import Serve, echo, read_all, send, status_of

HEAD = "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{header}\r\n\r\n"
ANNOUNCED = "Content-Length: 300000000"
CHUNKED = "Transfer-Encoding: chunked"


def never(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    raise AssertionError("the application is not called")


def test_body__in_chunks__arrives_whole_and_with_its_length(serve: Serve) -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(environ)
        return echo(environ, start_response)

    connection = HTTPConnection("127.0.0.1", serve(application))
    connection.request("POST", "/api/x", iter([b"one ", b"two"]), encode_chunked=True)
    assert connection.getresponse().read() == b"one two"
    connection.close()
    assert (seen["CONTENT_LENGTH"], "HTTP_TRANSFER_ENCODING" in seen) == ("7", False)


@pytest.mark.parametrize("path", ["/admin/login/", "/", "/api/v1/x"])
def test_body__announced_too_large__is_413_before_it_is_read(serve: Serve, path: str) -> None:
    sent = HEAD.format(path=path, header=ANNOUNCED) + "little"
    answer = read_all(send(serve(never), sent))
    assert status_of(answer) == 413
    assert b"The body is larger than" in answer


def test_body__in_chunks_too_large__is_413(serve: Serve) -> None:
    port = serve(never, max_form_bytes=1000)
    sent = HEAD.format(path="/admin/login/", header=CHUNKED) + "800\r\n" + "x" * 0x800
    assert status_of(read_all(send(port, sent))) == 413


@pytest.mark.parametrize(
    ("path", "expected"), [("/api/v1/x", 200), ("/admin/login/", 413), ("/apis", 413)]
)
def test_body__of_the_api__may_be_larger_than_a_form(
    serve: Serve, path: str, expected: int
) -> None:
    port = serve(echo, max_form_bytes=1000, max_api_bytes=2000)
    sent = HEAD.format(path=path, header="Content-Length: 2000") + "x" * 2000
    assert status_of(read_all(send(port, sent))) == expected


def test_body__refused_while_it_comes__lets_the_client_read_why(serve: Serve) -> None:
    port = serve(never, max_form_bytes=1000)
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/admin/login/", b"x" * 4_000_000)
    answer = connection.getresponse()
    assert (answer.status, answer.read()[:15]) == (413, b"<!doctype html>")
    connection.close()


def test_body__that_never_ends__is_408(serve: Serve) -> None:
    port = serve(never, body_seconds=0.2)
    sent = HEAD.format(path="/api/v1/x", header="Content-Length: 100") + "x"
    answer = read_all(send(port, sent))
    assert status_of(answer) == 408
    problem = json.loads(answer.split(b"\r\n\r\n")[1])
    assert problem["detail"] == "The body took longer than 0.2 seconds."


@pytest.mark.parametrize("chunks", ["5\r\nabcde\r\nzz\r\n", "-1\r\n", "5;x=\n\r\nabcde\r\n"])
def test_body__of_malformed_chunks__is_400(serve: Serve, chunks: str) -> None:
    sent = HEAD.format(path="/api/v1/x", header=CHUNKED) + chunks
    assert status_of(read_all(send(serve(never), sent))) == 400


def test_bodies__beyond_the_memory_for_all__end_the_slowest(serve: Serve) -> None:
    port = serve(echo, max_held_bytes=3000)
    head = HEAD.format(path="/api/v1/x", header="Content-Length: 2000")
    slow = send(port, head + "x" * 1999)
    fast = send(port, head + "x" * 2000)
    assert status_of(read_all(fast)) == 200
    assert read_all(slow) == b""


def test_body__beyond_the_memory_for_all_by_itself__is_503(serve: Serve) -> None:
    port = serve(never, max_held_bytes=1000)
    sent = HEAD.format(path="/api/v1/x", header="Content-Length: 2000") + "x" * 2000
    answer = read_all(send(port, sent))
    assert (status_of(answer), b"retry-after: 1" in answer) == (503, True)
