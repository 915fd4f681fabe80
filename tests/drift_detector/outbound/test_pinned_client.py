"""Requests to real servers on loopback; the resolver is the test's own."""

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
import trustme

from drift_detector.outbound.pinned_client import MOST_ANSWER_BYTES, NotSent, request
from drift_detector.outbound.targets import AddressRefused
from tests.drift_detector.outbound.receivers import Receiver, receiving, tls

NAME = "hooks.example.com"


@pytest.fixture
def receiver(override: Callable[..., None]) -> Iterator[Receiver]:
    override(notifier={"allowed_hosts": ["127.0.0.1"]})
    with receiving() as found:
        yield found


@pytest.fixture
def secure(
    override: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Receiver]:
    """A server that has a certificate for a name, by an authority that this process believes."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    override(notifier={"allowed_hosts": [NAME, "other.example.com"]})
    with receiving(tls(context)) as found:
        yield found


def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_request__answer__is_the_servers(receiver: Receiver) -> None:
    answer = request("POST", receiver.url, seconds=5, body=b"{}", headers={"webhook-id": "msg_1"})
    assert (answer.status, answer.text, answer.is_ok) == (200, "thanks", True)
    [received] = receiver.requests
    assert (received.path, received.body) == ("/hook?token=s3cr3t", b"{}")
    assert received.headers["webhook-id"] == "msg_1"
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_request__name_that_leads_elsewhere_the_second_time__is_refused(
    receiver: Receiver,
) -> None:
    """DNS rebinding: the name was public when it was saved."""
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])
    with pytest.raises((AddressRefused, NotSent)):
        request("POST", f"https://{NAME}:1/x", seconds=0.01, resolve=lambda *_: next(answers))
    with pytest.raises(AddressRefused, match="internal"):
        request("POST", f"https://{NAME}/x", seconds=5, resolve=lambda *_: next(answers))
    assert receiver.requests == []


def test_request__name__is_looked_up_once_and_connected_to_as_found(secure: Receiver) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return here(host, port)

    answer = request("POST", f"https://{NAME}:{secure.port}/x", seconds=5, resolve=resolve)
    assert (answer.is_ok, asked) == (True, [NAME])
    assert secure.requests[0].headers["host"] == f"{NAME}:{secure.port}"


def test_request__certificate_of_another_name__is_refused(secure: Receiver) -> None:
    with pytest.raises(NotSent, match="certificate"):
        request("POST", f"https://other.example.com:{secure.port}/x", seconds=5, resolve=here)
    assert secure.requests == []


def test_request__redirect__is_an_answer_and_not_followed(receiver: Receiver) -> None:
    with receiving() as internal:
        receiver.answer, receiver.headers = (307, b""), {"Location": internal.url}
        answer = request("POST", receiver.url, seconds=5, body=b"{}")
        assert (answer.status, answer.is_ok, internal.requests) == (307, False, [])


def test_request__proxy_of_the_environment__is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert request("GET", receiver.url, seconds=5).is_ok


def test_request__long_answer__is_read_up_to_a_bound(receiver: Receiver) -> None:
    receiver.answer = (200, b"x" * 10 * MOST_ANSWER_BYTES)
    assert len(request("GET", receiver.url, seconds=5).text) == MOST_ANSWER_BYTES


def test_request__no_answer__ends(receiver: Receiver) -> None:
    receiver.hangs = True
    with pytest.raises(NotSent, match=r"no answer within 0.1 seconds"):
        request("GET", receiver.url, seconds=0.1)


def test_request__answer_that_drips__ends(override: Callable[..., None]) -> None:
    """Each byte is in time for the socket; all of them together never end."""
    override(notifier={"allowed_hosts": ["127.0.0.1"]})
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        thread = Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        with pytest.raises(NotSent, match="no answer within"):
            request("GET", f"http://127.0.0.1:{port}/", seconds=0.3)
        thread.join()


def drip(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        try:
            while True:
                connection.sendall(b"x")
                connection.settimeout(0.05)
                try:
                    if not connection.recv(1024):
                        return
                except TimeoutError:
                    continue
        except OSError:
            return


def test_request__nothing_listens__says_so_without_the_address(receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotSent, match="refused") as failure:
        request("GET", f"http://127.0.0.1:{port}/s3cr3t", seconds=5)
    assert "s3cr3t" not in str(failure.value)
