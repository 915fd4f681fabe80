from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from alerts.models import Alert, AlertEvent
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from tests.alerts.workflow.conftest import make_alert
from tests.conftest import client_of
from tests.factories import at_once, make_monitor

BULK = "/api/v1/alerts/bulk"


def ask(api: APIClient, ids: list[Any], **said: Any) -> Any:
    return api.post(BULK, {"ids": [str(each) for each in ids], **said}, format="json")


@pytest.fixture
def alerts(in_tenant: Tenant) -> list[Alert]:
    return [make_alert(make_monitor()) for _ in range(3)]


def test_bulk__some_that_cannot__each_has_its_own_result(
    api: APIClient, alerts: list[Alert]
) -> None:
    ask(api, [alerts[0].id], action="acknowledge")
    stranger = uuid4()
    ids = [alert.id for alert in alerts]
    answer = ask(api, [*ids, stranger], action="acknowledge", reason="noise", note="Rain.")
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert [row["status"] for row in found["results"]] == [409, 200, 200, 404]
    assert [row["id"] for row in found["results"]] == [str(each) for each in [*ids, stranger]]
    assert "Already acknowledged" in found["results"][0]["detail"]
    assert found["results"][1]["alert"]["note"] == "Rain."
    assert found["done"] == 2


@pytest.mark.parametrize(
    "said",
    [
        {"action": "snooze", "until": "2999-01-01T00:00:00Z"},
        {"action": "snooze"},
        {"action": "resolve"},
        {"action": "comment"},
        {"action": "assign", "assignee": "user:none"},
        {"action": "acknowledge", "until": "2027-01-01T00:00:00Z"},
        {"action": "explode"},
        {"action": "comment", "note": " "},
    ],
)
def test_bulk__wrong_words__refuse_all_of_it(
    api: APIClient, alerts: list[Alert], said: dict[str, Any]
) -> None:
    before = AlertEvent.objects.count()
    answer = ask(api, [alert.id for alert in alerts], **said)
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"]
    assert AlertEvent.objects.count() == before


@pytest.mark.parametrize("ids", [[], [uuid4()] * 201, ["1"]])
def test_bulk__wrong_ids__are_refused(api: APIClient, tenant: Tenant, ids: list[Any]) -> None:
    answer = ask(api, ids, action="comment", note="Hm.")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith("ids")


def test_bulk__same_id_twice__is_done_once(api: APIClient, alerts: list[Alert]) -> None:
    answer = ask(api, [alerts[0].id] * 2, action="comment", note="Hm.")
    assert answer.json()["done"] == 1
    assert AlertEvent.objects.filter(kind="commented").count() == 1


def test_bulk__viewer__is_403(viewer_api: APIClient, alerts: list[Alert]) -> None:
    assert ask(viewer_api, [alerts[0].id], action="comment", note="Hm.").status_code == 403


def test_bulk__other_tenant__finds_none(other_api: APIClient, alerts: list[Alert]) -> None:
    answer = ask(other_api, [alerts[0].id], action="comment", note="Hm.")
    assert [row["status"] for row in answer.json()["results"]] == [404]
    assert not AlertEvent.objects.filter(kind="commented").exists()


def test_bulk__two_requests_in_opposite_orders__do_not_stop_each_other(
    committed_tenant: Tenant,
) -> None:
    with tenant_scope(committed_tenant.id):
        ids = [make_alert(make_monitor()).id for _ in range(20)]
    apis = [client_of(committed_tenant.id) for _ in range(2)]
    answers = at_once(
        lambda: ask(apis[0], ids, action="comment", note="One."),
        lambda: ask(apis[1], ids[::-1], action="comment", note="Two."),
    )
    assert [answer.json()["done"] for answer in answers] == [20, 20]
