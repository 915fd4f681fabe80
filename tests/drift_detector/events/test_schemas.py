import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema
import jsonschema_rs
import pytest

from algorithms.concept_drift.detector_registry import ConceptMethod
from algorithms.method_results import PerformanceMethod, Reference
from algorithms.methods import Method
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


def feature_schema(event_type: EventType) -> dict[str, Any]:
    """The published fields of one drifted feature."""
    data = published_schema(event_type)["properties"]["data"]["properties"]
    fields: dict[str, Any] = data["drifted_features"]["items"]["properties"]
    return fields


def with_method(event_type: EventType, method: Any) -> dict[str, Any]:
    """An envelope whose drifted feature names this method."""
    envelope = envelope_of(event_type)
    [feature] = envelope["data"]["drifted_features"]
    feature["method"] = method
    return envelope


@EVERY_TYPE
def test_schema__references__are_all_that_a_run_may_name(event_type: EventType) -> None:
    assert set(feature_schema(event_type)["reference"]["enum"]) == set(Reference)


@EVERY_TYPE
def test_schema__example_methods__are_methods_of_ours(event_type: EventType) -> None:
    methods = set(Method) | set(ConceptMethod) | set(PerformanceMethod)
    examples = feature_schema(event_type)["method"]["examples"]
    assert examples
    assert set(examples) <= methods


@EVERY_TYPE
@pytest.mark.parametrize(
    "method", [*Method, *ConceptMethod, *PerformanceMethod, "a_method_of_next_year"]
)
def test_validate__any_method_name__passes(event_type: EventType, method: str) -> None:
    validate(with_method(event_type, str(method)))


@EVERY_TYPE
@pytest.mark.parametrize("method", ["", "Not A Name", 7, None])
def test_validate__method_that_is_no_name__is_refused(event_type: EventType, method: Any) -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        validate(with_method(event_type, method))


def test_validate__unknown_method_in_methods__passes() -> None:
    envelope = envelope_of(EventType.DETECTED)
    envelope["data"]["methods"] = ["ks", "a_method_of_next_year"]
    validate(envelope)


@EVERY_TYPE
@pytest.mark.parametrize(
    ("name", "value"), [("severity", "huge"), ("monitor_id", "seven"), ("drifted_features", [{}])]
)
def test_validate__data_wrong__is_refused(event_type: EventType, name: str, value: Any) -> None:
    envelope = envelope_of(event_type)
    envelope["data"][name] = value
    with pytest.raises(jsonschema_rs.ValidationError):
        validate(envelope)


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
    with pytest.raises(jsonschema_rs.ValidationError, match=name):
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
    with pytest.raises(jsonschema_rs.ValidationError):
        validate(envelope_of(event_type) | {name: value})


@EVERY_TYPE
def test_validate__data_with_more_than_promised__passes(event_type: EventType) -> None:
    envelope = envelope_of(event_type)
    envelope["data"]["added_later"] = True
    validate(envelope)
