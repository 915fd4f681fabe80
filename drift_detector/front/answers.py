"""Answers that the front gives by itself, without a thread."""

import json
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any

from django.utils.html import format_html

from drift_detector.api.problem_documents import MEDIA_TYPE, PAGE, problem
from drift_detector.page_policies import policy_of_refusals

PAGES_UNDER = "/admin/"
PART_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Attributes:
        body: Its bytes, or an open file that has them.
        closes: True if the connection ends with it, as what else the client sends is unknown.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes | IO[bytes]
    closes: bool = False

    @property
    def held_bytes(self) -> int:
        """The memory that it takes until the client has it; a file is read as it is sent."""
        return len(self.body) if isinstance(self.body, bytes) else 0

    def parts(self) -> Generator[bytes]:
        """The body in pieces."""
        # `closing` calls the method that Django has put in place of the file's own.
        with closing(BytesIO(self.body) if isinstance(self.body, bytes) else self.body) as file:
            while part := file.read(PART_BYTES):
                yield part


def json_answer(
    document: Mapping[str, Any], *, status: int = 200, media_type: str = "application/json"
) -> Answer:
    """An answer with a JSON document."""
    body = json.dumps(document).encode()
    return Answer(status, [(b"content-type", media_type.encode())], body)


def refusal(
    path: str, status: HTTPStatus, reason: str, *, retry_after: int = 0, closes: bool = False
) -> Answer:
    """Refuse a request: with a page in the admin, with a problem document elsewhere.

    Args:
        path: The path of the request.
        status: The HTTP status.
        reason: A sentence for people.
        retry_after: Seconds after which the request may be sent again; 0 says nothing about it.
        closes: True if the request is not read to its end.
    """
    headers = [
        (b"content-type", _media_type(path)),
        (b"content-security-policy", policy_of_refusals().encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]
    if closes:
        headers.append((b"connection", b"close"))
    if retry_after:
        headers.append((b"retry-after", str(retry_after).encode()))
    return Answer(status, headers, _explanation(path, status, reason), closes)


def _media_type(path: str) -> bytes:
    is_page = path.startswith(PAGES_UNDER)
    return b"text/html; charset=utf-8" if is_page else MEDIA_TYPE.encode()


def _explanation(path: str, status: HTTPStatus, reason: str) -> bytes:
    if not path.startswith(PAGES_UNDER):
        return json.dumps(problem(status, reason)).encode()
    return format_html(PAGE, title=status.phrase, reason=reason, back=PAGES_UNDER).encode()
