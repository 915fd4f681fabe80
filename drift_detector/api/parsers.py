"""Reading request bodies."""

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from drift_detector.api.problems import PayloadTooLarge


class CappedJSONParser(JSONParser):
    """JSON up to `AUMOS_DRIFT_DATA__MAX_INLINE_BYTES`, however the body is framed."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        limit = settings.ENV.data.max_inline_bytes
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
        # JSON is UTF-8 whatever the header says (RFC 8259); some of Python's charsets unpack or fail in other ways.
        context = {**(parser_context or {}), "encoding": "utf-8"}
        try:
            parsed: dict[str, Any] = super().parse(BytesIO(body), media_type, context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        return parsed
