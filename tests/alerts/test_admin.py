from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from alerts.models import Alert, AlertEvent
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
        settle(3, severity="critical", of=make_monitor())
    return list(Alert.objects.order_by("created_at"))


def choose(admin: Client, alerts: list[Alert], action: str = "acknowledge") -> Any:
    """Select alerts in the list and choose an action: the page of its form."""
    chosen = [str(alert.id) for alert in alerts]
    answer = admin.post(PAGE, {"action": f"{action}_selected", "_selected_action": chosen})
    return admin.get(answer["Location"]) if answer.status_code == 302 else answer


def act(admin: Client, alerts: list[Alert], action: str = "acknowledge", **said: Any) -> Any:
    """Send the form of an action."""
    ids = ",".join(str(alert.id) for alert in alerts)
    return admin.post(f"{PAGE}act/{action}", {"ids": ids, **said})


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_acknowledge_selected__two__asks_for_words_and_records_the_person(
    admin: Client, alerts: list[Alert]
) -> None:
    page = choose(admin, alerts[:2]).content.decode()
    assert "Acknowledge 2 alerts" in page
    assert all(str(alert.id) in page for alert in alerts[:2])
    answer = act(admin, alerts[:2], reason="noise", note="Rain.")
    assert (said(answer), answer["Location"]) == (["2 of 2 alerts acknowledged."], PAGE)
    found = Alert.objects.order_by("created_at").values_list("acknowledged_by", "status", "note")
    assert list(found) == [("user:ana", "acknowledged", "Rain.")] * 2 + [("", "open", "")]
    assert set(AlertEvent.objects.values_list("kind", "reason")) >= {("acknowledged", "noise")}


def test_act__one_seen_before__counts_honestly_and_says_why(
    admin: Client, alerts: list[Alert]
) -> None:
    act(admin, alerts[:1])
    Alert.objects.filter(id=alerts[0].id).update(acknowledged_by="user:ben")
    answer = act(admin, alerts)
    assert said(answer)[-2] == "2 of 3 alerts acknowledged."
    assert "Already acknowledged by user:ben" in said(answer)[-1]
    assert Alert.objects.get(id=alerts[0].id).acknowledged_by == "user:ben"


SAID: dict[str, dict[str, str]] = {
    "acknowledge": {"reason": "real"},
    "snooze": {"until": f"{timezone.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"},
    "assign": {"assignee": "user:ana"},
    "resolve": {"reason": "expected", "note": "Season."},
    "comment": {"note": "Look at gate B."},
}


@pytest.mark.parametrize("action", list(SAID))
def test_act__on_one_alert__goes_to_its_page_with_its_event(
    admin: Client, alerts: list[Alert], action: str
) -> None:
    form = choose(admin, alerts[:1], action)
    assert f"{action.capitalize()} 1 alert" in form.content.decode()
    answer = act(admin, alerts[:1], action, **SAID[action])
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/alerts/{alerts[0].id}/")
    event = AlertEvent.objects.filter(alert=alerts[0]).order_by("number").last()
    assert event is not None
    assert (event.actor, event.note) == ("user:ana", SAID[action].get("note", ""))


@pytest.mark.parametrize(
    ("action", "words", "field"),
    [
        ("snooze", {"until": "2020-01-01T00:00"}, "until must be in the future"),
        ("snooze", {}, "This field is required"),
        ("resolve", {}, "This field is required"),
        ("comment", {"note": " "}, "This field is required"),
        ("assign", {"assignee": "user:ben"}, "Select a valid choice"),
        ("acknowledge", {"reason": "boring"}, "Select a valid choice"),
    ],
)
def test_act__wrong_words__are_refused_in_the_form(
    admin: Client, alerts: list[Alert], action: str, words: dict[str, str], field: str
) -> None:
    before = AlertEvent.objects.count()
    answer = act(admin, alerts[:1], action, **words)
    assert (answer.status_code, field in answer.content.decode()) == (200, True)
    assert AlertEvent.objects.count() == before


@pytest.mark.parametrize("ids", ["", "1", ",".join([str(uuid4())] * 201)])
def test_act__ids_that_are_none__are_400(admin: Client, alerts: list[Alert], ids: str) -> None:
    assert admin.get(f"{PAGE}act/comment", {"ids": ids}).status_code == 400


def test_act__unknown_action__is_404(admin: Client, alerts: list[Alert]) -> None:
    assert act(admin, alerts, "explode").status_code == 404


def test_act__viewer__is_forbidden_and_not_offered(admin: Client, alerts: list[Alert]) -> None:
    Membership.objects.update(role=Role.VIEWER)
    assert act(admin, alerts).status_code == 403
    assert not Alert.objects.filter(acknowledged_at__isnull=False).exists()
    assert b"acknowledge_selected" not in admin.get(PAGE).content


def test_act__other_tenants_alert__is_not_touched(admin: Client, other_tenant: Tenant) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_alert(make_monitor())
    page = admin.get(f"{PAGE}act/acknowledge", {"ids": str(theirs.id)}).content.decode()
    assert "Their secret" not in page
    answer = act(admin, [theirs])
    assert "0 of 1 alert acknowledged." in said(answer)
    with tenant_scope(other_tenant.id):
        assert Alert.objects.get().acknowledged_at is None


def make_alert(monitor: Monitor) -> Alert:
    run = make_run(monitor)
    return Alert.objects.create(
        tenant_id=monitor.tenant_id, monitor=monitor, first_run=run, last_run=run, severity="info",
        opened_at=run.created_at,
        summary="Their secret", window_start=run.window_start, window_end=run.window_end,
    )  # fmt: skip


def test_alert_list__attention_filter__leaves_the_seen_out(
    admin: Client, alerts: list[Alert]
) -> None:
    act(admin, alerts[:1])
    page = admin.get(PAGE, {"attention__exact": "new"}).content.decode()
    assert [str(alert.id) in page for alert in alerts] == [False, True, True]


def test_alert_list__pending__is_shown_to_those_who_ask(admin: Client, alerts: list[Alert]) -> None:
    Alert.objects.filter(id=alerts[0].id).update(phase="pending", opened_at=None)
    assert str(alerts[0].id) not in admin.get(PAGE).content.decode()
    assert str(alerts[0].id) in admin.get(PAGE, {"phase__exact": "pending"}).content.decode()
    assert admin.get(f"/admin/alerts/{alerts[0].id}/").status_code == 200


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
    assert "drift in delay" in admin.get(path, follow=True).content.decode()
    admin.post(path, {"severity": "info", "note": "edited"})
    assert Alert.objects.values_list("severity", "note").get(id=alerts[0].id) == ("critical", "")


@pytest.mark.parametrize("action", ["add/", "{}/delete/"])
def test_alert__adding_and_deleting__are_refused(
    admin: Client, alerts: list[Alert], action: str
) -> None:
    assert admin.post(PAGE + action.format(alerts[0].id), {"post": "yes"}).status_code == 403
    assert Alert.objects.count() == 3
