"""The JSON Schema of documents is that of the API, and an editor's validator takes what the API takes."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from alerts.documents.document_forms import MONITOR_FIELDS
from alerts.documents.views import EXAMPLE
from drift_detector.commands.document_files import read_yaml
from drift_detector.commands.document_schemas import schema_of
from tests.drift_detector.api.openapi_document import openapi_document

DOCS = Path(__file__).resolve().parents[3] / "docs"
FILE = DOCS / "schemas" / "document.schema.json"
PAGE = (DOCS / "monitors-as-code.md").read_text()


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(FILE.read_text())


def faults(schema: Any, document: Any) -> list[str]:
    return [each.message for each in Draft202012Validator(schema).iter_errors(document)]


def test_schema__of_the_file__is_that_of_the_api(schema: Any) -> None:
    """`drift schema > docs/schemas/document.schema.json` writes it."""
    assert schema == schema_of(json.loads(json.dumps(openapi_document())))


def test_schema__by_itself__is_right_and_stands_alone(schema: Any) -> None:
    Draft202012Validator.check_schema(schema)
    assert "#/components" not in FILE.read_text()
    assert schema["$defs"]["DocumentMonitorRequest"]["properties"].keys() == {*MONITOR_FIELDS}


def test_schema__documents_of_the_tests_and_of_the_page__are_taken(
    schema: Any, document: dict[str, Any]
) -> None:
    [shown] = [each.split("```")[0] for each in PAGE.split("```yaml\n")[1:]]
    for each in (document, EXAMPLE.value, read_yaml(shown)):
        assert faults(schema, each) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found.update(monitor=[]), "'monitor' was unexpected"),
        (lambda found: found["monitors"][0].update(windwo="P7D"), "'windwo' was unexpected"),
        (lambda found: found["monitors"][0].update(window="weekly"), "does not match"),
        (lambda found: found["monitors"][0].pop("name"), "'name' is a required property"),
        (lambda found: found.update(version=2), "greater than the maximum of 1"),
        (lambda found: found["monitors"][0].update(positive_label=1), "is not of type 'string'"),
    ],
)  # fmt: skip
def test_schema__wrong_document__is_refused(
    schema: Any, document: dict[str, Any], change: Callable[[Any], Any], said: str
) -> None:
    changed = deepcopy(document)
    change(changed)
    assert any(said in each for each in faults(schema, changed))
