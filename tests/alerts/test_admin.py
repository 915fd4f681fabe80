from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from alerts.models import Alert
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.alerts.conftest import Settle
from tests.factories import make_monitor, make_run

PAGE = "/admin/alerts/alert/"


@pytest.fixture
def admin(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def alerts(settle: Settle) -> list[Alert]:
    """Three alerts of three monitors."""
    for _ in range(3):
        settle(3, of=make_monitor())
    return list(Alert.objects.order_by("created_at"))


def acknowledge(admin: Client, alerts: list[Alert]) -> Any:
    chosen = [str(alert.id) for alert in alerts]
    return admin.post(PAGE, {"action": "acknowledge_selected", "_selected_action": chosen})


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_acknowledge_selected__two__are_recorded_with_the_person(
    admin: Client, alerts: list[Alert]
) -> None:
    answer = acknowledge(admin, alerts[:2])
    assert said(answer) == ["2 of 2 alerts acknowledged."]
    found = Alert.objects.order_by("created_at").values_list("acknowledged_by", "status")
    assert list(found) == [("user:ana", "acknowledged")] * 2 + [("", "open")]
    assert Alert.objects.filter(acknowledged_at__isnull=False).count() == 2


def test_acknowledge_selected__one_seen_before__counts_honestly(
    admin: Client, alerts: list[Alert]
) -> None:
    acknowledge(admin, alerts[:1])
    Alert.objects.filter(id=alerts[0].id).update(acknowledged_by="user:ben")
    assert said(acknowledge(admin, alerts))[-1] == "2 of 3 alerts acknowledged."
    assert Alert.objects.get(id=alerts[0].id).acknowledged_by == "user:ben"


def test_acknowledge_selected__viewer__is_not_offered(admin: Client, alerts: list[Alert]) -> None:
    Membership.objects.update(role=Role.VIEWER)
    acknowledge(admin, alerts)
    assert not Alert.objects.filter(acknowledged_at__isnull=False).exists()
    assert b"acknowledge_selected" not in admin.get(PAGE).content


def test_acknowledge_selected__other_tenants_alert__is_not_touched(
    admin: Client, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_alert(make_monitor())
    acknowledge(admin, [theirs])
    with tenant_scope(other_tenant.id):
        assert Alert.objects.get().acknowledged_at is None


def make_alert(monitor: Monitor) -> Alert:
    run = make_run(monitor)
    return Alert.objects.create(
        tenant_id=monitor.tenant_id, monitor=monitor, first_run=run, last_run=run, severity="info",
        summary="Their secret", window_start=run.window_start, window_end=run.window_end,
        opened_at=run.window_end,
    )  # fmt: skip


def test_alert_list__unacknowledged_filter__leaves_the_seen_out(
    admin: Client, alerts: list[Alert]
) -> None:
    acknowledge(admin, alerts[:1])
    page = admin.get(PAGE, {"acknowledged_at__isempty": "1"}).content.decode()
    assert [str(alert.id) in page for alert in alerts] == [False, True, True]


def test_alert_list__other_tenants__is_not_there(
    admin: Client, alerts: list[Alert], other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_alert(make_monitor())
    page = admin.get(PAGE).content.decode()
    assert str(alerts[0].id) in page
    assert str(theirs.id) not in page
    assert "Their secret" not in page


def test_alert_page__posted_to__takes_no_changes(admin: Client, alerts: list[Alert]) -> None:
    path = f"{PAGE}{alerts[0].id}/change/"
    assert "drift in delay" in admin.get(path).content.decode()
    admin.post(path, {"severity": "info", "note": "edited"})
    assert Alert.objects.values_list("severity", "note").get(id=alerts[0].id) == ("warning", "")


@pytest.mark.parametrize("action", ["add/", "{}/delete/"])
def test_alert__adding_and_deleting__are_refused(
    admin: Client, alerts: list[Alert], action: str
) -> None:
    assert admin.post(PAGE + action.format(alerts[0].id), {"post": "yes"}).status_code == 403
    assert Alert.objects.count() == 3
