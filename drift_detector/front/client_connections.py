"""Connections of clients: uvicorn's, with a time limit for each thing that a client can keep waiting."""

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from drift_detector.api.problem_documents import MEDIA_TYPE, problem
from drift_detector.front.crowd import Crowd
from drift_detector.front.request_limits import Limits

CONNECTION = "front.connection"
"""The key of the ASGI scope under which the application finds its connection."""


class Connection(HttpToolsProtocol):
    """One connection, with the time and the size of a request's head bounded."""

    def __init__(self, *arguments: Any, limits: Limits, crowd: Crowd, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._crowd = crowd
        self._head_bytes = 0
        self._is_in_head = False
        self._head_deadline: asyncio.TimerHandle | None = None
        self._refusal = (HTTPStatus.BAD_REQUEST, "The request could not be read.")

    @property
    def address(self) -> str:
        """The client's address."""
        return self.client[0] if self.client else ""

    def abort(self) -> None:
        """End the connection now; what is not sent yet is dropped."""
        self.transport.abort()

    def wait(self) -> None:
        """Record that the client is waited for."""
        self._crowd.wait(self)

    def work(self) -> None:
        """Record that the request is whole."""
        self._crowd.work(self)

    def hold(self, size: int) -> bool:
        """Count the bytes in memory for this connection; False if there are too many in all."""
        return self._crowd.hold(self, size)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # A send is over once the kernel has all of it: a client that takes no answer is noticed.
        transport.set_write_buffer_limits(high=0)
        if self._crowd.join(self):
            self._expect_head()
        else:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "There are too many connections.")

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.leave(self)
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._is_between_requests():
            self._expect_head()
        self._head_bytes += len(data)
        super().data_received(data)
        # The head deadline runs as long as the head has no end.
        is_head_too_long = self._head_bytes > self._limits.max_head_bytes
        if self._head_deadline and is_head_too_long and not self.transport.is_closing():
            self._refuse(*self._head_too_long())

    def on_message_begin(self) -> None:
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._forget_head()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self._limits.max_head_bytes:
            self._refusal = self._head_too_long()
            raise ValueError("The head is too long.")  # the parser stops, and the refusal is sent
        self.scope[CONNECTION] = self  # type: ignore[literal-required]
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        self.hold(0)
        self._head_bytes = 0
        self.wait()
        if self._is_in_head:  # the next request has begun before this answer
            self._expect_head()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        self.abort()

    def send_400_response(self, msg: str) -> None:
        self._refuse(*self._refusal)

    def _is_between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expect_head(self) -> None:
        """Start the deadline of a head, once for each head."""
        if not self._head_deadline:
            seconds = self._limits.head_seconds
            self._head_deadline = self.loop.call_later(seconds, self._refuse_late_head)

    def _forget_head(self) -> None:
        if self._head_deadline:
            self._head_deadline.cancel()
            self._head_deadline = None
        self._head_bytes = 0

    def _head_too_long(self) -> tuple[HTTPStatus, str]:
        limit = self._limits.max_head_bytes
        reason = f"The request line and the headers are larger than {limit} bytes."
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason

    def _refuse_late_head(self) -> None:
        seconds = f"{self._limits.head_seconds:g}"
        reason = f"The request line and the headers took longer than {seconds} seconds."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, reason)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Answer outside of any request, and end the connection without waiting for the client."""
        body = json.dumps(problem(status, reason)).encode()
        headers = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close"
        self.transport.write(STATUS_LINE[status] + headers.encode() + b"\r\n\r\n" + body)
        self.transport.close()
        self.loop.call_later(1, self.abort)
