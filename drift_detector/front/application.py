"""The ASGI application between uvicorn and Django: bodies whole, threads in turns, answers to the end."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from hashlib import sha256
from http import HTTPStatus
from threading import Event
from typing import Any

from drift_detector.front.answers import Answer, json_answer, refusal
from drift_detector.front.bodies import (
    DISCONNECT,
    ClientLeft,
    Receive,
    Refused,
    discard_rest,
    read_body,
)
from drift_detector.front.client_connections import CONNECTION, Connection
from drift_detector.front.request_limits import Limits
from drift_detector.front.turns import Turns
from drift_detector.front.wsgi_calls import Application, call, environ_of
from drift_detector.observability.key_masks import key_in_address

type Scope = dict[str, Any]
type Send = Callable[[dict[str, Any]], Awaitable[None]]

HEALTH_PATH = "/healthz"
# They are asked when something is wrong, so they have a thread of their own.
BESIDE_PATHS = frozenset({"/readyz", "/metrics"})
RETRY_SECONDS = 5
NO_BODY = frozenset({204, 304})


class Front:
    """Serves a WSGI application from a few threads, however slow the clients are."""

    def __init__(self, application: Application, limits: Limits) -> None:
        self._application = application
        self._limits = limits
        self._turns = Turns(limits.threads)
        self._beside = Turns(1)
        self._threads = ThreadPoolExecutor(limits.threads + 1, thread_name_prefix="web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; ASGI's entry."""
        connection: Connection = scope[CONNECTION]
        try:
            answer = await self._answer(scope, receive, connection)
            await self._send(answer, receive, send, connection)
        except (ClientLeft, TimeoutError):
            connection.abort()
            await _until_gone(receive)

    async def _answer(self, scope: Scope, receive: Receive, connection: Connection) -> Answer:
        if _asks_for_health(scope):
            return self._health()
        try:
            body = await read_body(scope, receive, connection, self._limits)
        except Refused as refused:
            return refused.answer
        connection.work()
        return await self._in_turn(scope, body, receive)

    def _health(self) -> Answer:
        """200 as long as requests end; 503 if some wait and none has ended for long."""
        if self._turns.is_stuck(self._limits.stuck_seconds):
            return json_answer({"status": "overdue"}, status=503)
        return json_answer({"status": "ok"})

    async def _in_turn(self, scope: Scope, body: bytes, receive: Receive) -> Answer:
        """Have a thread call the application, unless the client leaves before its turn."""
        left = Event()
        work = asyncio.create_task(self._work(scope, body, left))
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                left.set()
                work.cancel()
                raise ClientLeft
            return work.result()
        finally:
            left.set()
            gone.cancel()

    async def _work(self, scope: Scope, body: bytes, left: Event) -> Answer:
        turns = self._beside if scope["path"] in BESIDE_PATHS else self._turns
        try:
            async with asyncio.timeout(self._limits.queue_seconds) as patience:
                async with turns.turn(_caller(scope)):
                    patience.reschedule(None)
                    return await self._call(scope, body, left)
        except TimeoutError:
            reason = "All threads have been busy; try again."
            unavailable = HTTPStatus.SERVICE_UNAVAILABLE
            return refusal(scope["path"], unavailable, reason, retry_after=RETRY_SECONDS)

    async def _call(self, scope: Scope, body: bytes, left: Event) -> Answer:
        environ = environ_of(scope, body, left)
        loop = asyncio.get_running_loop()
        thread = loop.run_in_executor(self._threads, call, self._application, environ)
        # The turn lasts as long as the thread is busy, also after the client has left.
        while not thread.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait((thread,))
        return thread.result()

    async def _send(
        self, answer: Answer, receive: Receive, send: Send, connection: Connection
    ) -> None:
        """Send all of an answer, within the time that a client has to take it.

        Raises:
            TimeoutError: If the client does not take it.
        """
        connection.hold(answer.held_bytes)
        connection.wait()
        async with asyncio.timeout(self._limits.send_seconds):
            await send(_start(answer))
            with closing(answer.parts()) as parts:
                for part in parts:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            if answer.closes:
                await discard_rest(receive)
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _asks_for_health(scope: Scope) -> bool:
    """True for a plain question; one with an API key in its address is for Django, which refuses it."""
    is_asked = scope["path"] == HEALTH_PATH and scope["method"] in ("GET", "HEAD")
    return is_asked and key_in_address(scope["query_string"].decode("latin-1")) is None


def _start(answer: Answer) -> dict[str, Any]:
    headers = answer.headers
    has_length = any(name == b"content-length" for name, _ in headers)
    if isinstance(answer.body, bytes) and not has_length and answer.status not in NO_BODY:
        headers = [*headers, (b"content-length", str(len(answer.body)).encode())]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


def _caller(scope: Scope) -> str:
    """A name for the sender's credentials, or its address; the threads are shared fairly by it."""
    for name, value in scope["headers"]:
        if name in (b"authorization", b"cookie"):
            return sha256(value).hexdigest()
    return scope["client"][0] if scope["client"] else ""


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != DISCONNECT:
        pass
