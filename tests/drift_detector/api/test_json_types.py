"""A field takes the JSON type that is declared, and no other that could be turned into it."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from drift_detector.tenancy.models import Tenant
from monitors.models import Monitor
from tests.drift_detector.api.openapi_document import openapi_document
from tests.factories import make_monitor

URL = "/api/v1/monitors"
SAMPLES: dict[str, Any] = {
    "string": "5", "integer": 5, "number": 5.5, "boolean": True, "array": ["5"], "object": {"a": 5},
}  # fmt: skip
COMPONENTS = openapi_document()["components"]["schemas"]
FIELDS: dict[str, Any] = COMPONENTS["MonitorRequest"]["properties"]


def type_of(schema: dict[str, Any]) -> str:
    """The JSON type of a property, which can stand behind a reference."""
    [schema] = schema.get("allOf", [schema])
    name = schema.get("$ref", "").rpartition("/")[2]
    own = COMPONENTS[name] if name else schema
    [kind] = {each["type"] for each in own.get("oneOf", [own])}
    return str(kind)


def others(field: str) -> list[Any]:
    """A value of each JSON type that the field does not have; 5 is a number, too."""
    own = type_of(FIELDS[field])
    kinds = {own, "integer"} if own == "number" else {own}
    return [value for kind, value in SAMPLES.items() if kind not in kinds]


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_create__field_of_another_json_type__is_named_and_nothing_is_written(
    api: APIClient, in_tenant: Tenant, monitor_fields: dict[str, Any], field: str
) -> None:
    for value in others(field):
        answer = api.post(URL, monitor_fields | {field: value})
        assert answer.status_code == 400, value
        assert {each["field"].split("[")[0] for each in answer.json()["errors"]} == {field}
    assert not Monitor.objects.exists()


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 400])
@pytest.mark.parametrize("field", ["error_scale", "min_rows", "importances", "thresholds"])
def test_create__number_that_64_bits_do_not_hold__is_refused(
    api: APIClient, in_tenant: Tenant, field: str, number: str
) -> None:
    value = {"importances": f'{{"delay": {number}}}', "thresholds": f'{{"ks": {number}}}'}
    body = f'{{"{field}": {value.get(field, number)}}}'
    answer = api.generic("POST", URL, body, content_type="application/json")
    assert answer.status_code == 400
    assert field in {each["field"].split(".")[0] for each in answer.json()["errors"]}


@pytest.mark.parametrize(
    "fields",
    [{"thresholds": {"ks": 5e-324}}, {"tolerances": {"ks": {"features": {"delay": 1e-200}}}},
     {"importances": {"delay": 1e-101}}],
)  # fmt: skip
def test_preview__limit_that_underflows__is_refused(
    api: APIClient, monitor_fields: dict[str, Any], fields: dict[str, Any]
) -> None:
    answer = api.post(f"{URL}/preview", monitor_fields | fields)
    assert [each["field"] for each in answer.json()["errors"]] == list(fields)


@pytest.mark.parametrize("note", [7, True, ["x"], {}, None])
def test_acknowledge__note_that_is_no_text__is_refused(
    api: APIClient, in_tenant: Tenant, note: Any
) -> None:
    alert = "00000000-0000-0000-0000-000000000000"
    answer = api.post(f"/api/v1/alerts/acknowledge/{alert}", {"note": note})
    assert [each["field"] for each in answer.json()["errors"]] == ["note"]


@pytest.mark.parametrize("name", ["status", "model_id", "name", "search", "since", "cursor"])
def test_list__empty_parameter__is_refused(api: APIClient, in_tenant: Tenant, name: str) -> None:
    answer = api.get(f"{URL}?{name}=")
    assert [each["field"] for each in answer.json()["errors"]] == [name]


@pytest.mark.parametrize("key", ["", " ", "é", "a\tb", "x" * 201])
def test_run__idempotency_key_that_is_none__is_refused(
    api: APIClient, in_tenant: Tenant, key: str
) -> None:
    answer = api.post(f"{URL}/{make_monitor().id}/run", {}, HTTP_IDEMPOTENCY_KEY=key)
    assert [each["field"] for each in answer.json()["errors"]] == ["Idempotency-Key"]
