"""Reads a span of time and whole numbers from a query, and refuses others with a reason."""

from dataclasses import dataclass
from datetime import datetime

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from drift_detector.api.fields import INSTANT_SCHEMA, InstantField

FROM = OpenApiParameter(
    "from", INSTANT_SCHEMA, description="The first moment, included; without it, as far as it goes."
)
TO = OpenApiParameter(
    "to", INSTANT_SCHEMA, description="The last moment, not included; after `from`."
)


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, half-open; an end that is None is open.

    Attributes:
        start: Included.
        end: Not included.
    """

    start: datetime | None
    end: datetime | None


def read_span(request: Request) -> Span:
    """The span of `from` and `to`.

    Raises:
        ValidationError: If one is no time, or `to` is not after `from`.
    """
    span = Span(_read_instant(request, "from"), _read_instant(request, "to"))
    if span.start is not None and span.end is not None and span.start >= span.end:
        raise ValidationError({"to": ["to must be after from."]})
    return span


def _read_instant(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if "\0" in text:  # datetime.fromisoformat ignores what follows
        raise ValidationError({name: [f"{name} must be a time in ISO 8601."]})
    try:
        moment: datetime = InstantField().run_validation(text)
    except ValidationError as error:
        raise ValidationError({name: error.detail}) from error
    return moment


def number_parameter(name: str, *, most: int, usual: int, words: str) -> OpenApiParameter:
    """A whole number from 1 to `most` in the query."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return OpenApiParameter(name, schema, description=f"{words}: 1 to {most}.")


def read_number(request: Request, name: str, *, most: int, usual: int) -> int:
    """A whole number of the query.

    Raises:
        ValidationError: If it is none from 1 to `most`.
    """
    text = request.query_params.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= most):
        reason = f"{name} must be a whole number from 1 to {most}, not {text[:20]!r}."
        raise ValidationError({name: [reason]})
    return int(text)
