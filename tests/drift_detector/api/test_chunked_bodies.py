"""Bodies in chunks at a WSGI server other than the front, which may or may not mark their end."""

from collections.abc import Callable, Iterable
from http.client import IncompleteRead
from io import BytesIO
from typing import IO, Any

import pytest

from drift_detector.api.chunked_bodies import accept_chunked_bodies

CHUNKED = {"HTTP_TRANSFER_ENCODING": "Chunked"}


class Broken(BytesIO):
    """An input as that of a server which finds malformed chunks."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise IncompleteRead(b"")


def read(environ: dict[str, Any]) -> tuple[list[str], bytes]:
    """What the wrapped application reads of a request, and the status it starts with."""
    statuses: list[str] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]

    wrapped = accept_chunked_bodies(application, limit=100)
    body = b"".join(wrapped(environ, lambda status, headers: statuses.append(status)))
    return statuses, body


def environ(body: IO[bytes], **more: Any) -> dict[str, Any]:
    return {"wsgi.input": body, **more}


def test_body__with_a_marked_end__is_read_to_it() -> None:
    sent = environ(BytesIO(b"x" * 50), **CHUNKED, **{"wsgi.input_terminated": True})
    assert read(sent) == (["200 OK"], b"x" * 50)


def test_body__over_the_limit__shows_that_it_is() -> None:
    sent = environ(BytesIO(b"x" * 500), **CHUNKED, **{"wsgi.input_terminated": True})
    assert len(read(sent)[1]) == 101


def test_body__without_a_marked_end__is_411() -> None:
    statuses, body = read(environ(BytesIO(b"x"), **CHUNKED))
    assert (statuses, b"needs a Content-Length" in body) == (["411 Length Required"], True)


def test_body__of_malformed_chunks__is_an_error_that_django_knows() -> None:
    with pytest.raises(OSError, match="malformed"):
        read(environ(Broken(), **CHUNKED, **{"wsgi.input_terminated": True}))


def test_body__with_a_length__is_left_as_it_is() -> None:
    assert read(environ(BytesIO(b"xyz"), CONTENT_LENGTH="2")) == (["200 OK"], b"xy")
