"""The OpenAPI document over HTTP."""

import pytest
import yaml
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from drift_detector.api import documents


@pytest.fixture(autouse=True)
def _made_anew() -> None:
    documents._rendered.cache_clear()


def test_schema__asked_again__is_not_made_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/api/v1/schema", headers={"Accept": "application/json"})
    monkeypatch.setattr(documents, "SchemaGenerator", None)
    second = client.get("/api/v1/schema", headers={"Accept": "application/json"})
    assert first.json() == second.json() != {}


def test_schema__in_each_form__is_what_the_generator_makes(client: Client) -> None:
    made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    as_json = client.get("/api/v1/schema", headers={"Accept": "application/json"})
    as_yaml = client.get("/api/v1/schema", headers={"Accept": "application/yaml"})
    assert set(as_json.json()["paths"]) == set(yaml.safe_load(as_yaml.content)["paths"])
    assert set(as_json.json()["paths"]) == set(made["paths"])


def test_schema__with_its_tag__is_304(client: Client) -> None:
    answer = client.get("/api/v1/schema")
    known = client.get("/api/v1/schema", headers={"If-None-Match": answer["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    changed = client.get("/api/v1/schema", headers={"If-None-Match": '"other"'})
    assert (changed.status_code, changed.content) == (200, answer.content)
