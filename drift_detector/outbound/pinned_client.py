"""An http client for addresses that tenants name: it connects to the IP address that was checked.

It follows no redirect, uses no proxy of the environment, reads a bounded answer, and ends in a bounded
time. The name of the host stays in the certificate's check and in the header `Host`.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer

from drift_detector.outbound.targets import Resolver, Target, find_ip, parse_target

MOST_ANSWER_BYTES = 16 * 2**10
FAILURES = (OSError, http.client.HTTPException, ValueError)
"""A socket that is cut off under its reader fails in many ways."""


class NotSent(Exception):
    """The request got no answer; the message says why, without the address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request, as far as it was read."""

    status: int
    text: str

    @property
    def is_ok(self) -> bool:
        """True for 2xx; a redirect is no success, as it is not followed."""
        return 200 <= self.status < 300


def request(
    method: str,
    address: str,
    *,
    seconds: float,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    resolve: Resolver | None = None,
    is_operators: bool = False,
    most_bytes: int = MOST_ANSWER_BYTES,
) -> Answer:
    """Send one request to an address that is checked now.

    Args:
        method: GET or POST.
        address: The address, as it was saved.
        seconds: The longest that all of it may take, without the look-up of the name.
        body: The body.
        headers: Further headers.
        resolve: The addresses of a host; by default the system's resolver.
        is_operators: True for an address of the settings, which may be http and internal.
        most_bytes: The bytes of the answer that are read; the rest is left.

    Raises:
        AddressRefused: If the address is one that the service does not send to.
        NotSent: If there is no answer in time.
    """
    target = parse_target(address, is_operators=is_operators)
    ip = find_ip(target, resolve)
    try:
        with _connection(target, ip, seconds) as connection:
            _send(connection, method, target, body, headers or {})
            return _answer(connection, most_bytes)
    except FAILURES as error:
        raise NotSent(_reason(error, seconds)) from None


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    target: Target,
    body: bytes | None,
    headers: Mapping[str, str],
) -> None:
    sent = {"Host": target.host_header, "Connection": "close", **headers}
    connection.request(method, target.path, body=body, headers=sent)


def _answer(connection: http.client.HTTPConnection, most_bytes: int) -> Answer:
    response = connection.getresponse()
    text = response.read(most_bytes).decode(errors="replace")
    return Answer(response.status, text)


@contextmanager
def _connection(target: Target, ip: str, seconds: float) -> Iterator[http.client.HTTPConnection]:
    """A connection to the IP address that is cut off when the time is over."""
    connection = _PinnedConnection(target, ip, seconds)
    # A server that sends a byte now and then would never reach the socket's own time limit.
    end = Timer(seconds, connection.cut_off)
    end.daemon = True
    end.start()
    try:
        yield connection
        connection.check_time()  # what was read until it was cut off can look like an answer
    except FAILURES:
        connection.check_time()
        raise
    finally:
        end.cancel()
        connection.close()


class _PinnedConnection(http.client.HTTPConnection):
    def __init__(self, target: Target, ip: str, seconds: float) -> None:
        super().__init__(target.host, target.port, timeout=seconds)
        self._target, self._ip = target, ip
        self.is_late = False

    def connect(self) -> None:
        self.sock = socket.create_connection((self._ip, self.port), self.timeout)
        if self._target.scheme == "https":
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._target.host)
        self.check_time()

    def check_time(self) -> None:
        """Raise TimeoutError if the connection was cut off."""
        if self.is_late:
            raise TimeoutError

    def cut_off(self) -> None:
        """Wake the thread that reads, from another one."""
        self.is_late = True
        if self.sock is not None:
            try:
                # The plain socket's: the one of TLS would end the encryption under the reader.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
            except OSError:
                return  # it has ended by itself


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"There was no answer within {seconds:g} seconds."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate is not valid: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return "There was no secure connection."
    if isinstance(error, ConnectionRefusedError):
        return "The connection was refused."
    return f"The connection failed ({type(error).__name__})."
