"""MLflow's webhook: who may report, and what becomes of a report."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from alerts.models import Deployment, ModelMapping, RetrainingRequest
from drift_detector.encryption import decrypt
from drift_detector.tenancy.models import Role, Tenant
from monitors.models import Monitor
from tests.conftest import client_of

SECRET = "a secret of the registry"
ALIAS = {"name": "late-arrivals", "alias": "champion", "version": "7"}
PATH = "/api/v1/model-mappings"
type Send = Callable[..., Any]


def signature(body: bytes, delivery: str, timestamp: str, secret: str = SECRET) -> str:
    """As MLflow's documentation has it."""
    content = f"{delivery}.{timestamp}.{body.decode()}"
    digest = hmac.new(secret.encode(), content.encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


@pytest.fixture
def mapping(admin_api: APIClient, classifier: Monitor) -> dict[str, Any]:
    body = {
        "registered_model": "late-arrivals",
        "alias": "champion",
        "model_id": str(classifier.model_id),
        "secret": SECRET,
    }
    answer = admin_api.post(PATH, body)
    assert answer.status_code == 201, answer.json()
    shown: dict[str, Any] = answer.json()
    return shown


@pytest.fixture
def send(tenant: Tenant) -> Send:
    """Deliver as MLflow does: `send(ALIAS)`, `send(ALIAS, secret="wrong")`."""

    def deliver(data: Any, *, secret: str = SECRET, of: Any = tenant.id, **changes: Any) -> Any:
        payload = {"entity": "model_version_alias", "action": "created", "data": data}
        body = json.dumps(payload | changes.pop("payload", {})).encode()
        timestamp = str(int(time.time()) - changes.pop("age", 0))
        headers = {
            "X-MLflow-Signature": signature(body, "d-1", timestamp, secret),
            "X-MLflow-Delivery-Id": "d-1",
            "X-MLflow-Timestamp": timestamp,
        }
        sent = {name: value for name, value in (headers | changes).items() if value is not None}
        path = f"/api/v1/integrations/mlflow/{of}"
        return APIClient().generic("POST", path, body.decode(), "application/json", headers=sent)

    return deliver


def test_webhook__alias_of_a_mapping__is_a_deployment_of_the_suggested_range(
    send: Send, mapping: dict[str, Any], request_of: RetrainingRequest
) -> None:
    answer = send(ALIAS)
    assert (answer.status_code, answer.json()["status"]) == (200, "deployed")
    made = Deployment.objects.get()
    assert answer.json()["deployment_id"] == str(made.id)
    assert (made.trained_from, made.trained_to) == (
        request_of.suggested_from,
        request_of.suggested_to,
    )
    request_of.refresh_from_db()
    assert (request_of.status, request_of.model_version) == ("deployed", "7")


def test_webhook__no_open_request__takes_the_mappings_days(
    send: Send, mapping: dict[str, Any]
) -> None:
    assert send(ALIAS).json()["status"] == "deployed"
    made = Deployment.objects.get()
    assert made.trained_to - made.trained_from == timedelta(days=90)
    assert made.reported_by == "mlflow:late-arrivals@champion"


def test_webhook__delivered_again__changes_nothing(send: Send, mapping: dict[str, Any]) -> None:
    first, again = send(ALIAS).json(), send(ALIAS).json()
    assert again == first | {"status": "known", "reason": "The version was reported before."}
    assert Deployment.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "another secret altogether"},
        {"X-MLflow-Signature": "v1,AAAA"},
        {"X-MLflow-Delivery-Id": "d-2"},
        {"age": 400},
        {"age": -400},
        {"of": uuid4()},
    ],
)
def test_webhook__signature_of_none_or_too_old__is_refused(
    send: Send, mapping: dict[str, Any], change: dict[str, Any]
) -> None:
    assert send(ALIAS, **change).status_code == 401
    assert not Deployment.objects.exists()


def test_webhook__signed_by_another_tenant__is_refused(
    send: Send, mapping: dict[str, Any], other_tenant: Tenant
) -> None:
    assert send(ALIAS, of=other_tenant.id).status_code == 401


def test_webhook__body_changed_on_the_way__is_refused(
    tenant: Tenant, mapping: dict[str, Any]
) -> None:
    body, now = json.dumps({"data": ALIAS}).encode(), str(int(time.time()))
    headers = {
        "X-MLflow-Signature": signature(body, "d-1", now),
        "X-MLflow-Delivery-Id": "d-1",
        "X-MLflow-Timestamp": now,
    }
    path = f"/api/v1/integrations/mlflow/{tenant.id}"
    changed = body.replace(b"7", b"8")
    answer = APIClient().generic(
        "POST", path, changed.decode(), "application/json", headers=headers
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "header", ["X-MLflow-Signature", "X-MLflow-Delivery-Id", "X-MLflow-Timestamp"]
)
def test_webhook__missing_header__is_named(
    send: Send, mapping: dict[str, Any], header: str
) -> None:
    answer = send(ALIAS, **{header: None})
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [header]


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        (ALIAS | {"alias": "challenger"}, {}),
        (ALIAS | {"name": "other"}, {}),
        (ALIAS, {"action": "deleted"}),
        (ALIAS, {"entity": "prompt_alias"}),
    ],
)
def test_webhook__other_event_or_alias__is_ignored(
    send: Send, mapping: dict[str, Any], data: dict[str, str], payload: dict[str, str]
) -> None:
    answer = send(data, payload=payload)
    assert (answer.status_code, answer.json()["status"]) == (200, "ignored")
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("data", [{}, None, [], ALIAS | {"version": 7}, ALIAS | {"name": "a\0"}])
def test_webhook__payload_without_a_field__is_a_bad_request(
    send: Send, mapping: dict[str, Any], data: Any
) -> None:
    answer = send(data)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith("data.")


def test_mapping__secret__is_encrypted_and_never_shown(
    admin_api: APIClient, mapping: dict[str, Any]
) -> None:
    stored = ModelMapping.objects.get().secret
    assert SECRET not in stored
    assert decrypt(stored) == SECRET
    listed = admin_api.get(PATH).content.decode() + json.dumps(mapping)
    assert "secret" not in listed
    assert stored not in listed


def test_mapping__new_secret__replaces_the_old_one(
    admin_api: APIClient, send: Send, mapping: dict[str, Any]
) -> None:
    changed = admin_api.patch(f"{PATH}/{mapping['id']}", {"secret": "a newer secret of theirs"})
    assert changed.status_code == 200
    assert send(ALIAS).status_code == 401
    assert send(ALIAS, secret="a newer secret of theirs").status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model_id": str(uuid4())}, "model_id"),
        ({"secret": "short"}, "secret"),
        ({"alias": "champion"}, "alias"),
        ({"alias": "other", "training_days": 0}, "training_days"),
    ],
)
def test_mapping__bad_field__is_named(
    admin_api: APIClient, mapping: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    body = {
        "registered_model": mapping["registered_model"],
        "alias": "other",
        "model_id": mapping["model_id"],
        "secret": SECRET,
    }
    answer = admin_api.post(PATH, body | change)
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_mapping__operator_and_other_tenant__may_not_change_it(
    api: APIClient, other_tenant: Tenant, mapping: dict[str, Any]
) -> None:
    path = f"{PATH}/{mapping['id']}"
    assert api.get(path).status_code == 200
    assert api.delete(path).status_code == 403
    assert client_of(other_tenant.id, Role.ADMIN).delete(path).status_code == 404
