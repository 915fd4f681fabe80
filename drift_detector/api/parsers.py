"""Parsers that limit the size of request bodies."""

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, JSONParser

from drift_detector.api.problems import PayloadTooLarge


def read_capped(stream: IO[Any]) -> bytes:
    """Read the whole body.

    Raises:
        PayloadTooLarge: If it is larger than `AUMOS_DRIFT_DATA__MAX_INLINE_BYTES`.
    """
    limit = settings.ENV.data.max_inline_bytes
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
    return body


class CappedJSONParser(JSONParser):
    """JSON up to `AUMOS_DRIFT_DATA__MAX_INLINE_BYTES`, with any framing of the body."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        body = read_capped(stream)
        if not body:  # a chunked request without a body has no length that says so
            return {}
        # JSON is always UTF-8 (RFC 8259). The header could name a charset of Python that unpacks data
        # or fails with another error.
        context = {**(parser_context or {}), "encoding": "utf-8"}
        try:
            parsed: dict[str, Any] = super().parse(BytesIO(body), media_type, context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        return parsed


class BytesParser(BaseParser):
    """The bytes of a body, up to `AUMOS_DRIFT_DATA__MAX_INLINE_BYTES`."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return read_capped(stream)


class NdjsonParser(BytesParser):
    media_type = "application/x-ndjson"


class ArrowParser(BytesParser):
    media_type = "application/vnd.apache.arrow.stream"


class CsvParser(BytesParser):
    media_type = "text/csv"
