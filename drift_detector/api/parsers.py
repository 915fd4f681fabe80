"""Reading request bodies."""

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.conf import settings
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
        parsed: dict[str, Any] = super().parse(BytesIO(body), media_type, parser_context)
        return parsed
