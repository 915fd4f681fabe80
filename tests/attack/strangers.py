"""Attacks of people without a key."""

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]
import requests

from tests.attack.forms import Form
from tests.attack.stand import TOO_MANY, Outcome, Stand, is_answered, tell
from tests.chaos.world import TENANTS

STEP_SECONDS = 1.0
HALF_A_REQUEST = b"GET /api/v1/monitors HTTP/"
LOGIN = "/admin/login/"
MEGABYTE = 1024**2
MOST_WRITTEN = 10 * MEGABYTE
REDIRECT = 302
NAME = "ana"


@contextmanager
def open_sockets(url: str, count: int) -> Iterator[list[socket.socket]]:
    """Connections to the service."""
    address = urlsplit(url)
    with ExitStack() as opened:
        yield [
            opened.enter_context(socket.create_connection((address.hostname, address.port), 10))
            for _ in range(count)
        ]


def send_slowly(stand: Stand, form: Form, first: bytes, piece: bytes) -> Outcome:
    """Send the start of a request on many sockets, and a piece of the rest each second."""
    with open_sockets(stand.world.url, form.sockets) as sockets:
        for each in sockets:
            each.sendall(first)
        end, closed = time.monotonic() + form.seconds, set[socket.socket]()
        while time.monotonic() < end:
            time.sleep(STEP_SECONDS)
            closed |= {each for each in sockets if each not in closed and _is_shut(each, piece)}
    return Outcome(f"{len(closed)} of {len(sockets)} sockets closed in {form.seconds} s")


def _is_shut(connection: socket.socket, piece: bytes) -> bool:
    """Send one more piece; true if the other side has answered or closed."""
    try:
        connection.sendall(piece)
        connection.setblocking(False)
        return connection.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        with suppress(OSError):
            connection.setblocking(True)


def slow_headers(stand: Stand, form: Form) -> Outcome:
    """Sockets that never finish their first header."""
    return send_slowly(stand, form, HALF_A_REQUEST, b"")


def dripping_headers(stand: Stand, form: Form) -> Outcome:
    """Sockets that send a header each second."""
    return send_slowly(stand, form, HALF_A_REQUEST + b"1.1\r\nHost: 127.0.0.1\r\n", b"X-A: b\r\n")


def slow_bodies(stand: Stand, form: Form) -> Outcome:
    """Sockets whose body comes byte by byte."""
    head = b"POST /api/v1/monitors HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    return send_slowly(stand, form, head, b"x")


def idle_connections(stand: Stand, form: Form) -> Outcome:
    """Sockets that stay open after an answer."""
    request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    return send_slowly(stand, form, request, b"")


def wrong_keys(stand: Stand, form: Form) -> Outcome:
    """Guess keys as fast as the service answers."""
    headers = [{"Authorization": f"Bearer ddk_{number:08}_{'x' * 43}"} for number in range(300)]

    def guess(each: dict[str, str]) -> int:
        url = f"{stand.world.url}/api/v1/monitors"
        return requests.get(url, headers=each, timeout=60).status_code

    found = _answers(guess, headers, form)
    return Outcome(tell(found), is_answered(found) and TOO_MANY in found)


def wrong_passwords(stand: Stand, form: Form) -> Outcome:
    """Guess a password, then give the right one."""
    password = stand.world.add_person(TENANTS[1], NAME)
    guesses = [f"wrong {number}" for number in range(22)]
    found = [_log_in(stand.world.url, each) for each in [*guesses, password]]
    text = f"{tell(found[:-1])}; the right one afterwards: {found[-1]}"
    return Outcome(text, is_answered(found) and found[-1] != REDIRECT)


def logins_at_once(stand: Stand, form: Form) -> Outcome:
    """Log in sixteen times at once, again and again."""
    found = _answers(lambda _: _log_in(stand.world.url, "wrong"), range(16 * form.rounds), form)
    return Outcome(tell(found), is_answered(found))


def _log_in(url: str, password: str) -> int:
    with requests.Session() as session:
        session.get(url + LOGIN, timeout=60)
        fields = {
            "username": NAME,
            "password": password,
            "csrfmiddlewaretoken": session.cookies.get("csrftoken", ""),
        }
        answer = session.post(
            url + LOGIN, fields, timeout=60, allow_redirects=False, headers={"Referer": url + LOGIN}
        )
        return answer.status_code


def schema_again_and_again(stand: Stand, form: Form) -> Outcome:
    """Ask for the OpenAPI document without a key."""

    def ask(_number: int) -> int:
        return requests.get(f"{stand.world.url}/api/v1/schema", timeout=60).status_code

    found = _answers(ask, range(100 * form.rounds), form)
    return Outcome(tell(found), is_answered(found))


def upload_to_the_login_page(stand: Stand, form: Form) -> Outcome:
    """Send a large file to a form that takes none."""
    url, size = stand.world.url + LOGIN, form.upload_megabytes * MEGABYTE
    used = psutil.disk_usage(str(stand.world.folder)).used
    head = (
        f"POST {LOGIN} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    )
    sent, most, answer = 0, 0, b""
    with open_sockets(url, 1) as [connection]:
        with suppress(OSError):
            connection.sendall(head.encode())
            while sent < size:
                connection.sendall(bytes(MEGABYTE))
                sent += MEGABYTE
                most = max(most, psutil.disk_usage(str(stand.world.folder)).used - used)
        with suppress(OSError):
            connection.settimeout(10)
            answer = connection.recv(100)
    status = answer.split()[1].decode() if answer.startswith(b"HTTP") else "closed"
    text = f"{status} after {sent // MEGABYTE} MB; {most // MEGABYTE} MB written to the disk"
    return Outcome(text, is_refused=most < MOST_WRITTEN)


def _answers[T](ask: Callable[[T], int], what: Iterable[T], form: Form) -> list[int]:
    """The answers to requests of several clients at once."""
    with ThreadPoolExecutor(form.clients) as pool:
        return list(pool.map(ask, what))
