"""Makes the JSON Schema of documents, for editors, from the OpenAPI document of a service."""

from collections.abc import Iterator, Mapping
from typing import Any

COMPONENT = "DocumentRequest"
BEFORE, AFTER = "#/components/schemas/", "#/$defs/"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
DROPPED = frozenset({"example", "nullable", "writeOnly", "readOnly", "x-spec-enum-id"})
"""Words of OpenAPI that JSON Schema does not have."""


def schema_of(openapi: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a document and of all that it refers to, which stands alone."""
    schemas = openapi["components"]["schemas"]
    found = {name: _converted(schemas[name]) for name in _reached(schemas, COMPONENT)}
    root = found.pop(COMPONENT)
    head = {"$schema": DIALECT, "title": "A document of monitors"}
    return {**head, **root, "$defs": dict(sorted(found.items()))}


def _reached(schemas: Mapping[str, Any], start: str) -> list[str]:
    """The names of the schemas that one leads to, with itself."""
    reached, waiting = [start], [start]
    while waiting:
        new = list(dict.fromkeys(_references(schemas[waiting.pop()])))
        fresh = [each for each in new if each not in reached]
        reached += fresh
        waiting += fresh
    return reached


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.removeprefix(BEFORE)
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _references(each)


def _converted(value: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema: `nullable` is a type, and an exclusive bound a number."""
    if isinstance(value, list):
        return [_converted(each) for each in value]
    if not isinstance(value, Mapping):
        return value.replace(BEFORE, AFTER) if isinstance(value, str) else value
    schema = {name: _converted(each) for name, each in value.items() if name not in DROPPED}
    if schema.get("exclusiveMinimum") is True:
        schema["exclusiveMinimum"] = schema.pop("minimum")
    return _with_null(schema) if value.get("nullable") is True else schema


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    words = {name: value for name, value in schema.items() if name in ("description", "default")}
    rest = {name: value for name, value in schema.items() if name not in words}
    return {"anyOf": [rest, {"type": "null"}], **words}
