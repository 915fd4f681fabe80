"""Each operation of the API that writes leaves an entry that names the key and the request."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detections.models import Report
from drift_detector.tenancy.models import ApiKey, Role, Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.conftest import client_of
from tests.drift_detector.api.test_samples import (
    OPERATIONS,
    Curl,
    ids,
    loopback,
    parsed,
    send,
)
from tests.drift_detector.audit.entries import entries_of

__all__ = ["ids", "loopback"]

WRITES_NOTHING = {
    ("/api/v1/channels/{id}/test", "post"): "sends a message and keeps nothing",
    ("/api/v1/documents/plan", "post"): "compares and keeps nothing",
}
WRITES = [
    (path, method, operation)
    for path, method, operation in OPERATIONS
    if method != "get" and (path, method) not in WRITES_NOTHING
]
NO_ALERT = "6f1b1b3e-5a54-4c89-9c40-5f0f5a6b7c8d"


def with_effect(curl: Curl, alert_id: str) -> Curl:
    """The request, about an alert that is there and with a change that is one."""
    body = curl.body.replace(f'"ids": ["{NO_ALERT}"]', f'"ids": ["{alert_id}"]')
    return replace(curl, body=body.replace('"assignee": ""', '"assignee": "key:test-admin"'))


@pytest.mark.parametrize(
    ("path", "method", "operation"),
    WRITES,
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_operation__that_writes__leaves_an_entry(
    tenant: Tenant, ids: dict[str, str], flights: Path,
    path: str, method: str, operation: dict[str, Any],
) -> None:  # fmt: skip
    api = client_of(tenant.id, Role.ADMIN)
    with tenant_scope(tenant.id):
        key = ApiKey.objects.latest("created_at")
        Report.objects.all().delete()  # one that exists is kept as it is
    [sample] = operation["x-codeSamples"]
    curl = with_effect(parsed(sample["source"]), ids["alerts"])
    answer = send(api, curl, ids.get(path.split("/")[3], ""), flights)
    assert answer.status_code in (200, 201, 202, 204), answer.content
    mine = [each for each in entries_of(tenant.id) if each["actor_id"] == str(key.id)]
    assert {(each["actor_kind"], each["address"]) for each in mine} == {("key", "127.0.0.1")}
    assert len({each["request_id"] for each in mine} - {""}) == 1
