"""Lets Django read request bodies that come in chunks, without a Content-Length."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import IO, Any

type StartResponse = Callable[..., Any]
type Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

LENGTH_REQUIRED = (
    b'{"type": "about:blank", "title": "Length Required", "status": 411, '
    b'"detail": "The request needs a Content-Length."}'
)


class _ChunkedInput:
    """An input whose malformed chunks are an `OSError`, as Django expects; servers raise errors of their own."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        return self._checked(self._stream.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._checked(self._stream.readline, size)

    def _checked(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            return read(size)
        except Exception as error:
            raise OSError("The chunks of the body are malformed.") from error


def accept_chunked_bodies(application: Application, *, limit: int) -> Application:
    """Wrap a WSGI application.

    Django takes a request without a Content-Length for one without a body, so the outcomes of a chunked request
    (Node, Go, Java, `curl -T -`) would be lost. A server that marks the end of the input (`wsgi.input_terminated`, as
    gunicorn does) can be read until there: the length becomes one byte more than a body may have, and the parsers
    refuse what reaches it. From another server the length is asked for.

    Args:
        application: What to wrap.
        limit: Bytes that a body may have.
    """

    def wrapped(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            return application(environ, start_response)
        if environ.get("wsgi.input_terminated"):
            body = _ChunkedInput(environ["wsgi.input"])
            known = {"wsgi.input": body, "CONTENT_LENGTH": str(limit + 1)}
            return application(environ | known, start_response)
        status = HTTPStatus.LENGTH_REQUIRED
        headers = [("Content-Type", "application/problem+json"), ("Connection", "close")]
        start_response(f"{status.value} {status.phrase}", headers)
        return [LENGTH_REQUIRED]

    return wrapped
