"""Tries every operation of the API with each scope alone and with each role, cell by cell."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import URLResolver, get_resolver
from rest_framework.test import APIClient

from drift_detector.tenancy.models import ApiKey, Membership, Role, Scope, Tenant, User
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_api_key
from tests.conftest import client_of
from tests.factories import make_monitor

API_PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"
READ = "monitors:read"

# Written by hand: the scope of each operation. All that is not here must be refused with 405.
OPERATIONS = {
    "/monitors": {"GET": READ, "POST": "monitors:write"},
    "/monitors/preview": {"POST": "monitors:write"},
    "/monitors/{id}": {"GET": READ, "PATCH": "monitors:write", "DELETE": "monitors:write"},
    "/monitors/{id}/baseline": {"POST": "monitors:write"},
    "/monitors/{id}/baselines": {"GET": READ},
    "/monitors/{id}/run": {"POST": "runs:write"},
    "/monitors/{id}/backfill": {"POST": "runs:write"},
    "/monitors/{id}/backtest": {"GET": READ, "POST": "runs:write"},
    "/monitors/{id}/outcomes": {"POST": "outcomes:write"},
    "/monitors/{id}/detectors": {"GET": READ},
    "/monitors/{id}/error-rates": {"GET": READ},
    "/monitors/{id}/series": {"GET": READ},
    "/monitors/{id}/precision": {"GET": READ},
    "/monitors/{id}/suggestions": {"GET": READ, "POST": "monitors:write"},
    "/jobs/{id}": {"GET": READ},
    "/runs": {"GET": READ},
    "/runs/{id}": {"GET": READ},
    "/runs/{id}/explain": {"POST": "runs:write"},
    "/runs/{id}/profile": {"GET": READ},
    "/runs/{id}/report": {"GET": READ, "POST": "runs:write"},
    "/detections": {"GET": READ},
    "/detections/{id}": {"GET": READ},
    "/backtests/{id}": {"GET": READ},
    "/suggestions/{id}": {"GET": READ},
    "/suggestions/{id}/accept": {"POST": "monitors:write"},
    "/alerts": {"GET": READ},
    "/alerts/{id}": {"GET": READ},
    "/alerts/acknowledge/{id}": {"POST": "alerts:write"},
    "/alerts/{id}/acknowledge": {"POST": "alerts:write"},
    "/alerts/{id}/snooze": {"POST": "alerts:write"},
    "/alerts/{id}/assign": {"POST": "alerts:write"},
    "/alerts/{id}/resolve": {"POST": "alerts:write"},
    "/alerts/{id}/comment": {"POST": "alerts:write"},
    "/alerts/bulk": {"POST": "alerts:write"},
    "/alerts/{id}/timeline": {"GET": READ},
    "/alerts/{id}/notifications": {"GET": READ},
    "/silences": {"GET": READ, "POST": "alerts:write"},
    "/silences/{id}": {"GET": READ, "PATCH": "alerts:write", "DELETE": "alerts:write"},
    "/maintenance-windows": {"GET": READ, "POST": "alerts:write"},
    "/maintenance-windows/{id}": {"GET": READ, "PATCH": "alerts:write", "DELETE": "alerts:write"},
    "/notifications": {"GET": READ},
    "/notifications/{id}": {"GET": READ},
    "/channels": {"GET": READ, "POST": "admin"},
    "/channels/{id}": {"GET": READ, "PATCH": "admin", "DELETE": "admin"},
    "/channels/{id}/test": {"POST": "admin"},
    "/channels/{id}/rotate": {"POST": "admin"},
    "/routes": {"GET": READ, "POST": "admin"},
    "/routes/{id}": {"GET": READ, "PATCH": "admin", "DELETE": "admin"},
    "/model-mappings": {"GET": READ, "POST": "admin"},
    "/model-mappings/{id}": {"GET": READ, "PATCH": "admin", "DELETE": "admin"},
    "/retraining-requests": {"GET": READ},
    "/retraining-requests/{id}": {"GET": READ},
    "/retraining-requests/{id}/release": {"POST": "alerts:write"},
    "/retraining-rule": {"GET": READ, "PUT": "admin"},
    "/models/{id}/retraining-rule": {"GET": READ, "PUT": "admin"},
    "/budget": {"GET": READ, "PUT": "admin"},
    "/models/{id}/budget": {"GET": READ, "PUT": "admin", "DELETE": "admin"},
    "/models/{id}/document": {"GET": READ},
    "/models/{id}/deployed": {"POST": "monitors:write"},
    "/monitors/{id}/bad-windows": {"GET": READ, "POST": "monitors:write"},
    "/bad-windows/{id}": {"DELETE": "monitors:write"},
    "/monitors/{id}/label-audits": {"GET": READ, "POST": "runs:write"},
    "/label-audits/{id}": {"GET": READ},
    "/label-audits/{id}/rows": {"GET": "runs:write"},
    "/label-audits/{id}/labels": {"POST": "outcomes:write"},
    "/documents": {"GET": READ},
    "/documents/plan": {"POST": "monitors:write"},
    "/documents/apply": {"POST": "monitors:write"},
    "/documents/{id}": {"GET": READ, "DELETE": "monitors:write"},
    "/connections": {"GET": "admin", "POST": "admin"},
    "/connections/{id}": {"GET": "admin", "PATCH": "admin", "DELETE": "admin"},
    "/keys": {"GET": "admin", "POST": "admin"},
    "/keys/{id}": {"GET": "admin"},
    "/keys/{id}/rotate": {"POST": "admin"},
    "/keys/{id}/revoke": {"POST": "admin"},
    "/dashboard": {"GET": READ},
    "/quotas": {"GET": READ},
    "/audit": {"GET": "admin"},
}
# Anyone may call them; what MLflow sends is signed.
FREE = {"/integrations/mlflow/{id}", "/schema", "/docs"}
ROLES = {
    "viewer": {READ},
    "operator": {READ, "monitors:write", "runs:write", "outcomes:write", "alerts:write"},
    "admin": {READ, "monitors:write", "runs:write", "outcomes:write", "alerts:write", "admin"},
}
SCOPES_ALONE = sorted(ROLES["admin"])
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
HOLDERS = {
    **{scope: {scope} for scope in SCOPES_ALONE},
    **{f"role {r}": s for r, s in ROLES.items()},
}


def served_paths() -> Iterable[str]:
    """All paths of the URLconf below /api/v1, with `{id}` for what varies."""
    [api] = [
        each
        for each in get_resolver().url_patterns
        if isinstance(each, URLResolver) and str(each.pattern) == "api/v1/"
    ]
    for entry in api.url_patterns:
        for route in entry.url_patterns if isinstance(entry, URLResolver) else [entry]:
            yield "/" + re.sub(r"<[^>]+>", "{id}", str(route.pattern))


def scope_of(path: str, method: str) -> str | None:
    """The scope by the table; of a method that is not served, None."""
    if method in ("HEAD", "OPTIONS"):
        # They tell what GET tells, so they need what GET needs.
        return OPERATIONS[path].get("GET", "admin" if path.startswith("/keys") else READ)
    return OPERATIONS[path].get(method)


def client_with(tenant_id: UUID, scopes: Iterable[str]) -> APIClient:
    with tenant_scope(tenant_id):
        _, key = create_api_key(name="cell", scopes=[Scope(each) for each in scopes])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def answers(client: APIClient, path: str) -> dict[str, int]:
    address = f"/api/v1{path}".format(id=uuid4())
    return {method: client.generic(method, address).status_code for method in METHODS}


def test_table__has_every_path_of_the_urlconf() -> None:
    assert set(OPERATIONS) | FREE == set(served_paths())


@pytest.mark.parametrize("path", OPERATIONS)
def test_operation__without_a_key__is_401(db: None, path: str) -> None:
    assert set(answers(APIClient(), path).values()) == {401}


@pytest.mark.parametrize("holder", HOLDERS)
def test_operations__of_each_holder__are_those_of_the_table(tenant: Tenant, holder: str) -> None:
    held, client = HOLDERS[holder], client_with(tenant.id, HOLDERS[holder])
    for path in OPERATIONS:
        for method, status in answers(client, path).items():
            needed = scope_of(path, method)
            if needed is None:
                may_read = scope_of(path, "OPTIONS") in held
                assert status == (405 if may_read else 403), (path, method, status)
            else:
                assert (status == 403) == (needed not in held), (path, method, status)
                assert status != 401, (path, method)


@pytest.mark.parametrize("role", ROLES)
def test_operations__of_a_person__are_those_of_the_role(
    client: Client, staff: User, in_tenant: Tenant, role: str
) -> None:
    Membership.objects.update(role=role)
    client.force_login(staff)
    for path in OPERATIONS:
        address = f"/api/v1{path}".format(id=uuid4())
        for method, needed in OPERATIONS[path].items():
            status = client.generic(method, address, content_type="application/json").status_code
            assert (status == 403) == (needed not in ROLES[role]), (path, method, status)


def test_roles__have_the_scopes_of_the_table() -> None:
    assert {role.value: {each.value for each in SCOPES[role]} for role in Role} == ROLES


def test_refusal__names_the_missing_scope(tenant: Tenant) -> None:
    answer = client_with(tenant.id, [READ, "alerts:write"]).post("/api/v1/monitors", {})
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "This needs the scope monitors:write.",
    )


def test_key_of_outcomes__sends_outcomes_and_reads_nothing(in_tenant: Tenant) -> None:
    monitor = make_monitor()
    client = client_with(in_tenant.id, ["outcomes:write"])
    outcome = {"occurred_at": "2024-01-22T08:00:00Z", "prediction": 1, "label": 0}
    address = f"/api/v1/monitors/{monitor.id}"
    assert client.post(f"{address}/outcomes", {"outcomes": [outcome]}).status_code == 200
    assert client.get(address).status_code == 403
    assert client.get(f"{address}/detectors").status_code == 403
    assert client.options(f"{address}/outcomes").status_code == 403


def test_document__of_the_api__names_the_scope_of_each_operation(db: None) -> None:
    document = APIClient().get("/api/v1/schema", {"format": "json"}).json()
    named: dict[str, dict[str, str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if scope := operation.get("x-scope"):
                assert f"Needs the scope `{scope}`." in operation["description"]
                named.setdefault(path.removeprefix("/api/v1"), {})[method.upper()] = scope
    assert named == OPERATIONS


def test_page_of_the_api__has_the_scopes_of_the_table() -> None:
    rows = re.findall(r"^\| ([A-Z]+) \| `(\S+)` \| `(\S+)` \|", API_PAGE.read_text(), re.MULTILINE)
    printed: dict[str, dict[str, str]] = {}
    for method, path, scope in rows:
        printed.setdefault(path, {})[method] = scope
    assert printed == OPERATIONS


def test_page_of_the_api__has_the_scopes_of_each_role() -> None:
    rows = re.findall(r"^\| `([a-z:]+)` \| (.+) \|$", API_PAGE.read_text(), re.MULTILINE)
    cells = {scope: line.split(" | ")[-3:] for scope, line in rows if scope in ROLES["admin"]}
    printed = {
        role: {scope for scope, marks in cells.items() if marks[place] == "yes"}
        for place, role in enumerate(ROLES)
    }
    assert printed == ROLES


@pytest.mark.parametrize("scopes", [[], ["monitors:delete"], ["admin", "root"]])
def test_key__with_no_scope_or_an_unknown_one__is_refused_by_the_database(
    in_tenant: Tenant, scopes: list[str]
) -> None:
    key, _ = create_api_key(name="ci", scopes=[Scope.ADMIN])
    with pytest.raises(IntegrityError, match="api_key_scopes"), transaction.atomic():
        ApiKey.objects.filter(id=key.id).update(scopes=scopes)


def test_view__that_names_no_scope__is_closed_to_operators(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitors.views import MonitorViewSet

    monkeypatch.delattr(MonitorViewSet, "scope_to_write")
    assert client_of(tenant.id).post("/api/v1/monitors", {}).status_code == 403


def pages_of(client: Client, role: str) -> dict[str, Any]:
    Membership.objects.update(role=role)
    lists = (
        "alerts/channel",
        "alerts/route",
        "alerts/silence",
        "tenancy/apikey",
        "monitors/storeconnection",
    )
    return {each: client.get(f"/admin/{each}/add/").status_code for each in lists}


@pytest.mark.parametrize(
    ("role", "may"),
    [("viewer", set()), ("operator", {"alerts/silence"}),
     ("admin", {"alerts/channel", "alerts/route", "alerts/silence", "tenancy/apikey", "monitors/storeconnection"})],
)  # fmt: skip
def test_admin_pages__of_a_role__open_what_its_scopes_allow(
    client: Client, staff: User, in_tenant: Tenant, role: str, may: set[str]
) -> None:
    client.force_login(staff)
    assert {page for page, status in pages_of(client, role).items() if status == 200} == may
