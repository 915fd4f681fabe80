"""Heads, idle connections and their number, over real sockets."""

import json

import pytest

from tests.drift_detector.front.conftest import Serve, connect, echo, read_all, send, status_of

GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST_GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("sent", ["", "POST / HTTP/1.1\r\nHost: a\r\n", "\r\n\r\n"])
def test_head__that_never_ends__is_408(serve: Serve, sent: str) -> None:
    answer = read_all(send(serve(echo, head_seconds=0.2), sent))
    assert status_of(answer) == 408
    assert json.loads(answer.split(b"\r\n\r\n")[1])["detail"].endswith("longer than 0.2 seconds.")


def test_head__second_of_a_connection__has_the_same_time(serve: Serve) -> None:
    answer = read_all(send(serve(echo, head_seconds=0.2), f"{GET}GET / HT"))
    assert [status_of(b"HTTP/1.1" + part) for part in answer.split(b"HTTP/1.1")[1:]] == [200, 408]


@pytest.mark.parametrize(
    "sent",
    [
        f"GET / HTTP/1.1\r\nHost: a\r\nA: {'x' * 3000}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: a\r\nA: {'x' * 3000}",
        f"GET /{'x' * 3000} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n" + "A: x\r\n" * 1000 + "\r\n",
    ],
)
def test_head__over_the_limit__is_431(serve: Serve, sent: str) -> None:
    answer = read_all(send(serve(echo, max_head_bytes=1000), sent))
    assert status_of(answer) == 431
    assert b"larger than 1000 bytes" in answer


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: +3",
        "Content-Length: 3, 3",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    ],
)
def test_body__of_two_possible_lengths__is_refused(serve: Serve, headers: str) -> None:
    smuggled = f"POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n0\r\n\r\n{GET}"
    answer = read_all(send(serve(echo), smuggled))
    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.1") == 1


def test_requests__sent_at_once__are_answered_in_order(serve: Serve) -> None:
    post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{}"
    last = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nend"
    answer = read_all(send(serve(echo), post.format("one") + post.format("two") + last))
    bodies = [part.split(b"\r\n\r\n")[1] for part in answer.split(b"HTTP/1.1 200")[1:]]
    assert bodies == [b"one", b"two", b"end"]


def test_connection__that_is_idle__is_closed(serve: Serve) -> None:
    answer = read_all(send(serve(echo, idle_seconds=0.2), GET))
    assert status_of(answer) == 200


def test_connections__one_too_many__end_the_one_that_waits_longest(serve: Serve) -> None:
    port = serve(echo, max_connections=3)
    oldest, *others = [send(port, "GET / HT") for _ in range(3)]
    assert status_of(read_all(send(port, LAST_GET))) == 200
    assert read_all(oldest) == b""
    for other in others:
        other.sendall(LAST_GET[len("GET / HT") :].encode())
        assert status_of(read_all(other)) == 200


def test_connections__one_too_many__spare_what_is_at_work(serve: Serve) -> None:
    port = serve(echo, max_connections=1)
    with connect(port) as first:
        first.sendall(GET.encode())
        assert status_of(first.recv(1000)) == 200
        assert status_of(read_all(send(port, LAST_GET))) == 200
