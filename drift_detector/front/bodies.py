"""Reads the body of a request whole, within its limits."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from drift_detector.front.answers import Answer, refusal
from drift_detector.front.client_connections import Connection
from drift_detector.front.request_limits import Limits

type Receive = Callable[[], Awaitable[dict[str, Any]]]

DISCONNECT = "http.disconnect"
# A client that is refused while it sends reads the answer afterwards, so this much is thrown away.
DISCARDED_BYTES = 8 * 2**20
DISCARD_SECONDS = 2


class ClientLeft(Exception):
    """The client has closed its connection."""


class Refused(Exception):
    """The body is refused, with the answer that says so."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


async def read_body(
    scope: dict[str, Any], receive: Receive, connection: Connection, limits: Limits
) -> bytes:
    """Read the whole body.

    Raises:
        ClientLeft: If the client closes the connection.
        Refused: If the body is too large, takes too long, or there is no room for it.
    """
    path, limit = scope["path"], limits.body_bytes(scope["path"])
    if _announced(scope) > limit:
        raise Refused(_too_large(path, limit))
    try:
        async with asyncio.timeout(limits.body_seconds):
            return await _read(path, receive, connection, limit)
    except TimeoutError:
        reason = f"The body took longer than {limits.body_seconds:g} seconds."
        raise Refused(refusal(path, HTTPStatus.REQUEST_TIMEOUT, reason, closes=True)) from None


def _announced(scope: dict[str, Any]) -> int:
    """The length that the head states; the parser has refused what is no number."""
    stated = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(stated[0]) if stated else 0


async def _read(path: str, receive: Receive, connection: Connection, limit: int) -> bytes:
    parts: list[bytes] = []
    size, is_more = 0, True
    while is_more:
        message = await receive()
        if message["type"] == DISCONNECT:
            raise ClientLeft
        parts.append(message["body"])
        size += len(message["body"])
        is_more = message["more_body"]
        if size > limit:
            raise Refused(_too_large(path, limit))
        if size and not connection.hold(size):
            raise Refused(_no_room(path))
    return b"".join(parts)


def _too_large(path: str, limit: int) -> Answer:
    reason = f"The body is larger than {limit} bytes."
    return refusal(path, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason, closes=True)


def _no_room(path: str) -> Answer:
    reason = "There is no memory for the body at the moment; try again."
    unavailable = HTTPStatus.SERVICE_UNAVAILABLE
    return refusal(path, unavailable, reason, retry_after=1, closes=True)


async def discard_rest(receive: Receive) -> None:
    """Throw away what a refused client still sends, for a short while."""
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            await _discard(receive)
    except TimeoutError:
        pass


async def _discard(receive: Receive) -> None:
    size, is_more = 0, True
    while is_more and size < DISCARDED_BYTES:
        message = await receive()
        is_more = message["type"] != DISCONNECT and message["more_body"]
        size += len(message.get("body", b""))
