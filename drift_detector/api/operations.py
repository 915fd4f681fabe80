"""Describes the operations of the API for its OpenAPI document."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_lib_doc_excludes
from rest_framework.fields import CharField
from rest_framework.permissions import SAFE_METHODS

from drift_detector.api.fields import NOT_BLANK_TEXT, STORABLE_TEXT
from drift_detector.api.problems import (
    COMPONENTS,
    HEADERS,
    PROBLEM_SCHEMA,
    RATE_HEADERS,
    problem_reference,
)
from drift_detector.api.queries import documented_parameters
from drift_detector.tenancy.permissions import needed_scope

JSON = "application/json"
EVERYWHERE = (400, 401, 403, 406, 429, 500, 503)
TO_WRITE = (411, 413, 415)
MISSING = (404,)


class OperationSchema(AutoSchema):
    """Documents what `takes_query` declares, and each operation by its own words and its scope."""

    def get_override_parameters(self) -> list[Any]:
        own = documented_parameters(self.view, self.method)
        return [*super().get_override_parameters(), *own]

    def get_extensions(self) -> dict[str, Any]:
        # OpenAPI 3.0 has no place for the scopes of a key that is sent as a bearer token.
        scope = self._scope
        return {**super().get_extensions(), **({"x-scope": scope} if scope else {})}

    @property
    def _scope(self) -> str | None:
        """The scope that the operation needs; None where a caller needs none."""
        if not hasattr(self.view, "scope_to_read"):
            return None
        return needed_scope(self.view, self.method).value

    def _map_serializer_field(
        self, field: Any, direction: str, bypass_extensions: bool = False
    ) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_serializer_field(  # type: ignore[no-untyped-call]
            field, direction, bypass_extensions
        )
        if direction == "request" and _needs_letters(field) and "format" not in schema:
            schema.setdefault("pattern", NOT_BLANK_TEXT)
        return schema

    def _get_request_body(self, direction: str = "request") -> dict[str, Any] | None:
        body: dict[str, Any] | None = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        if body and getattr(self.view, "body_is_required", False):
            body["required"] = True
        return body


def _needs_letters(field: Any) -> bool:
    """True for text that must have more than the white space that its field trims."""
    return isinstance(field, CharField) and field.trim_whitespace and not field.allow_blank


def undocumented_bases() -> list[type]:
    """The classes whose docstrings are for programmers of the service, and not for its users."""
    # DRF imports this module while it makes the classes that these are made from.
    from drift_detector.api.serializers import KnownFieldsMixin
    from drift_detector.api.views import TenantAPIView

    return [TenantAPIView, KnownFieldsMixin, *get_lib_doc_excludes()]  # type: ignore[no-untyped-call]


def complete_document(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Declare each problem that an operation can answer, and print a request; a hook of drf-spectacular."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    components["responses"], components["headers"] = COMPONENTS, HEADERS
    _declare_bodies(components["schemas"])
    for path, operations in result.get("paths", {}).items():
        for method, operation in operations.items():
            _complete_operation(path, method, operation)
    return result


def _complete_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    _declare_problems(path, method, operation)
    _declare_scope(operation)
    operation["x-codeSamples"] = [_sample(path, method, operation)]


def _declare_scope(operation: dict[str, Any]) -> None:
    """Say the scope where people look: pages show no extension of the document."""
    if scope := operation.get("x-scope"):
        operation["description"] = f"{operation['description']} Needs the scope `{scope}`."


def _declare_bodies(schemas: Mapping[str, dict[str, Any]]) -> None:
    """Bodies have the fields that are declared and no others, and text without NUL."""
    for name, schema in schemas.items():
        if name.endswith("Request") and "properties" in schema:
            schema["additionalProperties"] = False
            _declare_text(schema["properties"].values())


def _declare_text(fields: Iterable[dict[str, Any]]) -> None:
    """Declare that text, and the text in lists, has no NUL."""
    for field in fields:
        if "items" in field:
            _declare_text([field["items"]])
        if field.get("type") == "string" and not field.keys() & {"format", "enum", "pattern"}:
            field["pattern"] = STORABLE_TEXT


def _declare_problems(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for response in responses.values():
        response["headers"] = response.get("headers", {}) | RATE_HEADERS
    for status in _statuses(path, method):
        responses[str(status)] = problem_reference(status)
    if "409" in responses:
        responses["409"] = problem_reference(409)


def _statuses(path: str, method: str) -> Iterable[int]:
    yield from EVERYWHERE
    if "{" in path:
        yield from MISSING
    if method.upper() not in SAFE_METHODS:
        yield from TO_WRITE


def _sample(path: str, method: str, operation: dict[str, Any]) -> dict[str, str]:
    """A request for the shell, with the address, a key and the id of a row in variables."""
    address = path.replace("{id}", "$ID")
    request = f'curl -X {method.upper()} "$URL{address}"'
    parts = [request, '-H "Authorization: Bearer $KEY"', *_sample_body(operation)]
    return {"lang": "Shell", "source": " \\\n  ".join(parts)}


def _sample_body(operation: Mapping[str, Any]) -> list[str]:
    example = _example(operation)
    if example is None:
        return []
    return [f'-H "Content-Type: {JSON}"', f"-d '{json.dumps(example)}'"]


def _example(operation: Mapping[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    examples = content.get(JSON, {}).get("examples", {})
    return next((each["value"] for each in examples.values()), None)
