"""The page of an alert: what it shows, and what people do on it."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerts.models import Alert, AlertEvent, Notification
from alerts.workflow.services import comment, resolve
from detections.models import DetectionRun
from detections.runs.completion import complete_run
from detections.runs.execution import execute
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Monitor
from tests.alerts.conftest import result_of
from tests.alerts.notification_rows import a_channel
from tests.alerts.retraining.rows import make_request
from tests.factories import make_flights_monitor, make_monitor, make_run, take

HOSTILE = "<img src=x onerror=alert(1)>"
ACTIONS = ("acknowledge", "snooze", "assign", "resolve", "comment")


@pytest.fixture
def ana(staff: User, client: Client, override: Callable[..., None]) -> Client:
    override(notifier={"allowed_hosts": ["127.0.0.1"]})
    client.force_login(staff)
    return client


@pytest.fixture
def alert(in_tenant: Tenant) -> Alert:
    """An alert about two features, of a monitor whose data is nowhere."""
    return raise_alert(make_monitor(name="Flights"), "delay", HOSTILE)


@pytest.fixture
def judged(flights: Any, in_tenant: Tenant) -> Alert:
    """The alert of a run that a worker has executed over the drifted week."""
    monitor = make_flights_monitor(flights, name="Flights")
    run = make_run(monitor, week=3)
    execute(tenant_id=run.tenant_id, run_id=run.id, worker="worker-1")
    return Alert.objects.get()


def raise_alert(
    monitor: Monitor, *features: str, week: int = 3, severity: str = "warning"
) -> Alert:
    run = make_run(monitor, week=week)
    assert complete_run(take(run), result_of(monitor, "drift", severity, *features))
    return Alert.objects.order_by("-created_at").first() or Alert()


def address(alert: Alert) -> str:
    return f"/admin/alerts/{alert.id}/"


def act(client: Client, alert: Alert, action: str, **said: str) -> Any:
    return client.post(address(alert), {"action": action, **said})


def words(page: Any) -> str:
    content = page.content.decode()
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", content)))


def test_alert_page__drifted_features__are_ranked_and_escaped(ana: Client, alert: Alert) -> None:
    page = ana.get(address(alert))
    assert page.status_code == 200
    assert alert.summary in words(page)
    assert [each.name for each in page.context["drifted"]] == ["delay", HOSTILE]
    assert "0.3" in words(page)
    assert "<img src=x" not in page.content.decode()


def test_alert_page__judged_run__draws_its_worst_features(ana: Client, judged: Alert) -> None:
    page = ana.get(address(judged)).content.decode()
    assert page.count('class="plot plot-distribution"') == 2
    link = f"/admin/monitors/{judged.monitor_id}/feature/?name=delay&amp;run={judged.last_run_id}"
    assert link in page
    assert ana.get(unescape(link)).status_code == 200


def test_alert_page__queries__are_few(
    ana: Client, judged: Alert, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for week in (4, 5, 6):
        past = raise_alert(judged.monitor, "delay", week=week)
        Notification.objects.create(
            tenant_id=past.tenant_id, alert=judged, channel=a_channel(f"Mail {week}"), kind="alert",
            severity="warning", due_at=timezone.now(),
        )  # fmt: skip
    ana.get(address(judged))
    with django_assert_max_num_queries(30) as captured:
        assert ana.get(address(judged)).status_code == 200
    asked = [each["sql"] for each in captured.captured_queries]
    assert len([sql for sql in asked if " FROM " in sql]) <= 15


@pytest.mark.parametrize("path", ["/admin/alerts/{}/", "/admin/alerts/alert/{}/change/"])
def test_alert_page__of_another_tenant__is_not_there(
    ana: Client, other_tenant: Tenant, path: str
) -> None:
    with tenant_scope(other_tenant.id):
        theirs = raise_alert(make_monitor(name="Their secret"), "delay")
    answer = ana.get(path.format(theirs.id), follow=True)
    assert "Their secret" not in answer.content.decode()
    assert ana.get(address(theirs)).status_code == 404
    assert act(ana, theirs, "comment", note="hello").status_code == 404


def test_alert_page__old_address__leads_to_it(ana: Client, alert: Alert) -> None:
    answer = ana.get(f"/admin/alerts/alert/{alert.id}/change/")
    assert (answer.status_code, answer["Location"]) == (302, address(alert))


def test_acknowledge__with_note_and_reason__is_recorded(ana: Client, alert: Alert) -> None:
    answer = act(ana, alert, "acknowledge", reason="data_bug", note="Wrong unit <b>")
    assert (answer.status_code, answer["Location"]) == (302, address(alert))
    alert.refresh_from_db()
    found = alert.acknowledged_by, alert.acknowledged_reason, alert.note
    assert found == ("user:ana", "data_bug", "Wrong unit <b>")
    page = ana.get(address(alert)).content.decode()
    assert "Wrong unit &lt;b&gt;" in page
    assert 'value="acknowledge"' not in page


SAID = {
    "acknowledge": {"reason": "real"},
    "snooze": {"until": f"{timezone.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"},
    "assign": {"assignee": "user:ana"},
    "resolve": {"reason": "expected"},
    "comment": {"note": "Look at gate B."},
}


@pytest.mark.parametrize("action", ACTIONS)
def test_action__on_the_page__is_in_the_timeline(ana: Client, alert: Alert, action: str) -> None:
    assert act(ana, alert, action, **SAID[action]).status_code == 302
    event = AlertEvent.objects.filter(alert=alert).order_by("number").last()
    assert event is not None
    assert event.actor == "user:ana"
    shown = words(ana.get(address(alert)))
    assert event.get_kind_display().capitalize() in shown
    assert "by user:ana" in shown


@pytest.mark.parametrize(
    ("action", "said", "field", "reason"),
    [
        ("snooze", {"until": "2020-01-01T00:00"}, "until", "until must be in the future"),
        ("snooze", {}, "until", "This field is required"),
        ("resolve", {}, "reason", "This field is required"),
        ("comment", {"note": " "}, "note", "This field is required"),
        ("assign", {"assignee": "user:ben"}, "assignee", "Select a valid choice"),
    ],
)
def test_action__refused__says_why_at_the_field(
    ana: Client, alert: Alert, action: str, said: dict[str, str], field: str, reason: str
) -> None:
    before = AlertEvent.objects.count()
    page = act(ana, alert, action, **said)
    assert page.status_code == 200
    [shown] = [each for each in page.context["actions"] if each["is_open"]]
    assert shown["name"] == action
    assert reason in str(shown["form"].errors[field])
    assert reason in words(page)
    assert AlertEvent.objects.count() == before


def test_action__that_the_state_forbids__says_why(ana: Client, alert: Alert) -> None:
    act(ana, alert, "resolve", reason="real")
    page = act(ana, alert, "snooze", **SAID["snooze"])
    assert page.status_code == 200
    assert "resolved can't become snoozed" in words(page)


def test_action__unknown__is_not_found(ana: Client, alert: Alert) -> None:
    assert act(ana, alert, "explode").status_code == 404


def test_alert_page__viewer__sees_no_form_and_may_not_post(ana: Client, alert: Alert) -> None:
    Membership.objects.update(role=Role.VIEWER)
    page = ana.get(address(alert)).content.decode()
    assert "Timeline" in page
    assert [action for action in ACTIONS if f'value="{action}"' in page] == []
    for action in ACTIONS:
        assert act(ana, alert, action, **SAID[action]).status_code == 403
    assert not AlertEvent.objects.exclude(actor="").exists()


def test_alert_page__resolved__offers_what_is_left(ana: Client, alert: Alert) -> None:
    resolve(alert_id=alert.id, by="user:ben", reason="real")
    shown = {each["name"] for each in ana.get(address(alert)).context["actions"]}
    assert shown == {"assign", "comment"}


def test_similar_alerts__same_features__come_first(ana: Client, alert: Alert) -> None:
    resolve(alert_id=alert.id, by="user:ben", reason="noise")
    other = raise_alert(alert.monitor, "distance", week=4)
    resolve(alert_id=other.id, by="user:ben", reason="real")
    newest = raise_alert(alert.monitor, "delay", week=5)
    raise_alert(make_monitor(name="Elsewhere"), "delay")
    page = ana.get(address(newest))
    shown = [(each.alert.id, each.features) for each in page.context["similar"]]
    assert shown == [(alert.id, ("delay",)), (other.id, ())]
    assert address(alert) in page.content.decode()
    assert "noise" in words(page)


def test_timeline__run_and_comment__newest_first(ana: Client, alert: Alert) -> None:
    comment(alert_id=alert.id, by="key:bot", note=HOSTILE)
    page = ana.get(address(alert))
    assert page.context["entries"][0].note == HOSTILE
    run = DetectionRun.objects.get()
    assert f"/admin/runs/{run.id}/" in page.content.decode()
    assert "by key:bot" in words(page)
    assert "<img src=x" not in page.content.decode()


def test_retraining__asked_for__shows_its_state_and_range(ana: Client, alert: Alert) -> None:
    assert "No one is asked to train the model again" in words(ana.get(address(alert)))
    make_request(alert.monitor, alert=alert, conclusion="The new model is no better.")
    shown = words(ana.get(address(alert)))
    assert "ineffective" in shown
    assert "The new model is no better." in shown


def test_notifications__sent_and_not__are_listed(ana: Client, alert: Alert) -> None:
    values = {"kind": "alert", "severity": "warning", "due_at": timezone.now()}
    for name, status in ((f"Mail {HOSTILE}", "pending"), ("Chat", "given_up")):
        Notification.objects.create(
            tenant_id=alert.tenant_id, alert=alert, channel=a_channel(name), status=status,
            reason="500 broken" if status == "given_up" else "", **values,
        )  # fmt: skip
    page = ana.get(address(alert))
    shown = words(page)
    assert f"Mail {HOSTILE}" in shown
    assert "given up" in shown
    assert "500 broken" in shown
    assert "<img src=x" not in page.content.decode()


def test_alert_page__sensitive_feature__shows_no_values(ana: Client, judged: Alert) -> None:
    Monitor.objects.update(sensitive_features=["carrier", "delay"])
    page = ana.get(address(judged)).content.decode()
    assert page.count('class="plot plot-distribution"') == 2
    assert ">A<" not in page
    assert "cell 1" in page or "category 1" in page
