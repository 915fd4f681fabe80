"""The OpenAPI document of the service, without a request."""

from typing import Any

from drf_spectacular.generators import SchemaGenerator


def openapi_document() -> dict[str, Any]:
    """The document that `/api/v1/schema` answers with."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    document: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document
