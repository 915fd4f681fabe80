import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

from algorithms.concept_drift.methods import ConceptMethod
from algorithms.method_results import PerformanceMethod, Reference
from algorithms.plan import Method
from drift_detector.events.schemas import validate
from drift_detector.events.services import EventType
from tests.drift_detector.events.conftest import data_of

FOLDER = Path(__file__).parents[3] / "drift_detector" / "events" / "schemas"
CLOUDEVENTS_REQUIRED = {"specversion", "id", "source", "type"}
EVERY_TYPE = pytest.mark.parametrize("event_type", list(EventType))


def published_schema(event_type: EventType) -> dict[str, Any]:
    """The file as a consumer finds it in the repository."""
    schema: dict[str, Any] = json.loads((FOLDER / f"{event_type.value}.v1.json").read_text())
    return schema


def envelope_of(event_type: EventType) -> dict[str, Any]:
    key = uuid4()
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/aumos/drift-detector",
        "type": event_type.value,
        "subject": str(key),
        "time": "2024-01-29T00:00:01.5+00:00",
        "datacontenttype": "application/json",
        "dataschema": f"urn:aumos:drift-detector:{event_type.value}:v1",
        "tenantid": str(uuid4()),
        "seq": 1,
        "data": data_of(event_type, key),
    }


@EVERY_TYPE
def test_schema__any_type__is_draft_2020_12_and_asks_for_cloudevents(event_type: EventType) -> None:
    schema = published_schema(event_type)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:aumos:drift-detector:{event_type.value}:v1"
    assert set(schema["required"]) >= CLOUDEVENTS_REQUIRED


@EVERY_TYPE
def test_schema__methods_and_references__are_all_that_a_run_may_name(event_type: EventType) -> None:
    told = published_schema(event_type)["properties"]["data"]["properties"]["drifted_features"][
        "items"
    ]["properties"]
    assert set(told["method"]["enum"]) == set(Method) | set(ConceptMethod) | set(PerformanceMethod)
    assert set(told["reference"]["enum"]) == set(Reference)


@EVERY_TYPE
def test_validate__written_by_hand__passes(event_type: EventType) -> None:
    validate(envelope_of(event_type))


@EVERY_TYPE
@pytest.mark.parametrize(
    "name", sorted(CLOUDEVENTS_REQUIRED - {"type"} | {"subject", "time", "tenantid", "seq", "data"})
)
def test_validate__attribute_missing__is_refused(event_type: EventType, name: str) -> None:
    envelope = envelope_of(event_type)
    del envelope[name]
    with pytest.raises(jsonschema.ValidationError, match=name):
        validate(envelope)


@EVERY_TYPE
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("id", "seven"),
        ("source", "/elsewhere"),
        ("time", "29.1.2024"),
        ("dataschema", "urn:other"),
        ("seq", 0),
        ("seq", "1"),
        ("seq", 2**31),
        ("data", []),
    ],
)
def test_validate__attribute_wrong__is_refused(
    event_type: EventType, name: str, value: Any
) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate(envelope_of(event_type) | {name: value})


@EVERY_TYPE
def test_validate__data_with_more_than_promised__passes(event_type: EventType) -> None:
    envelope = envelope_of(event_type)
    envelope["data"]["added_later"] = True
    validate(envelope)
