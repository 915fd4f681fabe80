"""Calls a WSGI application (PEP 3333) with a request that has been read whole."""

import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from threading import Event
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import FileWrapper

from drift_detector.api.waiting import CLIENT_LEFT
from drift_detector.front.answers import Answer

type Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# They are of the connection, not of the request: the body that the application reads has a known length.
OF_CONNECTION = {
    "HTTP_CONNECTION",
    "HTTP_CONTENT_LENGTH",
    "HTTP_EXPECT",
    "HTTP_KEEP_ALIVE",
    "HTTP_TRANSFER_ENCODING",
}


def environ_of(scope: dict[str, Any], body: bytes, left: Event) -> dict[str, Any]:
    """The environ of a request.

    Args:
        scope: The request as ASGI describes it.
        body: The whole body.
        left: Set when the client leaves.
    """
    server, client = scope["server"] or ("localhost", 80), scope["client"] or ("", 0)
    return {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        CLIENT_LEFT: left,
        **_headers(scope["headers"]),
        "CONTENT_LENGTH": str(len(body)),
    }


def _headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        # `X_Real` would become the same variable as `X-Real`, so a client could forge what a proxy sets.
        if b"_" not in name:
            _add(found, _variable(name), value.decode("latin-1"))
    return {name: value for name, value in found.items() if name not in OF_CONNECTION}


def _add(found: dict[str, str], variable: str, value: str) -> None:
    separator = "; " if variable == "HTTP_COOKIE" else ","
    found[variable] = f"{found[variable]}{separator}{value}" if variable in found else value


def _variable(name: bytes) -> str:
    variable = name.decode("latin-1").upper().replace("-", "_")
    return variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"


def call(application: Application, environ: dict[str, Any]) -> Answer:
    """Call the application in this thread and collect its answer; a file stays one."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    parts: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], None]:
        started[:] = [(status, headers)]
        return parts.append

    result = application(environ, start_response)
    body = result.filelike if isinstance(result, FileWrapper) else _joined(parts, result)
    status, headers = started[0]
    return Answer(int(status.split(" ", 1)[0]), _as_bytes(headers), body)


def _joined(written: list[bytes], result: Iterable[bytes]) -> bytes:
    try:
        return b"".join([*written, *result])
    finally:
        if close := getattr(result, "close", None):
            close()


def _as_bytes(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
