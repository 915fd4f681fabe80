from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from alerts.episodes.phases import Move
from alerts.models import Alert, AlertEvent
from drift_detector.tenancy.models import Role, Tenant, User
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.services import add_member, create_api_key
from monitors.models import Monitor
from tests.alerts.workflow.conftest import make_alert

ALERTS = "/api/v1/alerts"
TOMORROW = (timezone.now() + timedelta(days=1)).isoformat()
SAID: dict[str, dict[str, Any]] = {
    "acknowledge": {"reason": "noise", "note": "Again."},
    "snooze": {"until": TOMORROW},
    "assign": {"assignee": "key:test-operator"},
    "resolve": {"reason": "expected"},
    "comment": {"note": "Look at gate B."},
}
EACH_ACTION = pytest.mark.parametrize("action", list(SAID))


def act(api: APIClient, alert: Alert, action: str, **said: Any) -> Any:
    return api.post(f"{ALERTS}/{alert.id}/{action}", said or SAID[action])


def last_event(alert: Alert) -> AlertEvent:
    event = AlertEvent.objects.filter(alert=alert).order_by("number").last()
    assert event is not None
    return event


def everything() -> tuple[list[Any], list[Any]]:
    return list(Alert.objects.values()), list(AlertEvent.objects.values())


@EACH_ACTION
def test_action__operator__answers_the_alert_and_writes_one_event(
    api: APIClient, alert: Alert, action: str
) -> None:
    before = AlertEvent.objects.count()
    answer = act(api, alert, action)
    assert answer.status_code == 200, answer.content
    assert answer.json() == api.get(f"{ALERTS}/{alert.id}").json()
    more = 2 if action == "resolve" else 1  # who resolves an alert has seen it
    assert AlertEvent.objects.count() == before + more
    assert last_event(alert).actor == "key:test-operator"


@EACH_ACTION
def test_action__viewer__is_403_and_changes_nothing(
    viewer_api: APIClient, alert: Alert, action: str
) -> None:
    before = everything()
    assert act(viewer_api, alert, action).status_code == 403
    assert everything() == before


@EACH_ACTION
def test_action__other_tenants_alert__is_404(
    other_api: APIClient, alert: Alert, action: str
) -> None:
    before = everything()
    said = {"assignee": ""} if action == "assign" else {}
    assert act(other_api, alert, action, **said).status_code == 404
    assert everything() == before


@EACH_ACTION
def test_action__unknown_alert__is_404(api: APIClient, tenant: Tenant, action: str) -> None:
    assert api.post(f"{ALERTS}/{uuid4()}/{action}", SAID[action]).status_code == 404


@pytest.mark.parametrize(
    ("action", "said", "field"),
    [
        ("acknowledge", {"reason": "boring"}, "reason"),
        ("acknowledge", {"note": "x" * 5001}, "note"),
        ("snooze", {}, "until"),
        ("snooze", {"until": "2020-01-01T00:00:00Z"}, "until"),
        ("snooze", {"until": "2999-01-01T00:00:00Z"}, "until"),
        ("snooze", {"until": "soon"}, "until"),
        ("assign", {}, "assignee"),
        ("assign", {"assignee": "user:nobody"}, "assignee"),
        ("assign", {"assignee": "key:none"}, "assignee"),
        ("assign", {"assignee": "ana"}, "assignee"),
        ("resolve", {"note": "Over."}, "reason"),
        ("resolve", {"reason": ""}, "reason"),
        ("comment", {"note": ""}, "note"),
        ("comment", {"note": "  "}, "note"),
        ("comment", {"text": "Hello"}, "text"),
    ],
)
def test_action__wrong_value__names_the_field_and_changes_nothing(
    api: APIClient, alert: Alert, action: str, said: dict[str, Any], field: str
) -> None:
    before = everything()
    answer = api.post(f"{ALERTS}/{alert.id}/{action}", said)
    assert answer.status_code == 400, answer.content
    assert field in [each["field"] for each in answer.json()["errors"]]
    assert everything() == before


PENDING, FADED = (Move.PENDING,), (Move.PENDING, Move.FADED)
RESOLVED = (Move.OPENED, Move.RESOLVED)


@pytest.mark.parametrize(
    ("moves", "action", "state"),
    [
        (PENDING, "acknowledge", "pending"),
        (PENDING, "snooze", "pending"),
        (PENDING, "resolve", "pending"),
        (RESOLVED, "snooze", "resolved"),
        (RESOLVED, "resolve", "resolved"),
        (FADED, "resolve", "resolved"),
    ],
)
def test_action__state_that_forbids_it__is_409_with_the_state(
    api: APIClient, monitor: Monitor, moves: tuple[Move, ...], action: str, state: str
) -> None:
    alert = make_alert(monitor, *moves)
    before = everything()
    answer = act(api, alert, action)
    assert (answer.status_code, f"is {state}" in answer.json()["detail"]) == (409, True)
    assert everything() == before


@pytest.mark.parametrize("path", ["acknowledge/{id}", "{id}/acknowledge"])
def test_acknowledge__with_reason__is_kept_by_either_path(
    api: APIClient, alert: Alert, path: str
) -> None:
    url = f"{ALERTS}/{path.format(id=alert.id)}"
    found = api.post(url, {"reason": "data_bug", "note": "Cents."}).json()
    assert (found["status"], found["attention"]) == ("acknowledged", "acknowledged")
    assert (found["acknowledged_reason"], found["note"]) == ("data_bug", "Cents.")
    event = last_event(alert)
    assert (event.kind, event.reason, event.note) == ("acknowledged", "data_bug", "Cents.")
    assert event.notifies
    assert api.post(url, {"reason": "noise"}).status_code == 409


def test_acknowledge__resolved__is_recorded_and_notifies_no_one(
    api: APIClient, monitor: Monitor
) -> None:
    alert = make_alert(monitor, *RESOLVED)
    assert act(api, alert, "acknowledge").json()["status"] == "resolved"
    assert not last_event(alert).notifies


def test_acknowledge__after_worsening__is_possible_again(api: APIClient, alert: Alert) -> None:
    act(api, alert, "acknowledge", note="First.")
    worsened = Alert.objects.get()
    from alerts.episodes.events import Circumstances, move

    move(worsened, Move.WORSENED, Circumstances())
    worsened.save()
    shown = api.get(f"{ALERTS}/{alert.id}").json()
    assert (shown["attention"], shown["acknowledged_by"]) == ("new", "key:test-operator")
    assert act(api, alert, "acknowledge", note="Second.").status_code == 200
    notes = AlertEvent.objects.filter(kind="acknowledged").order_by("number")
    assert list(notes.values_list("note", flat=True)) == ["First.", "Second."]


def test_snooze__until__is_shown_until_it_is_acknowledged(api: APIClient, alert: Alert) -> None:
    found = act(api, alert, "snooze").json()
    assert (found["status"], found["attention"]) == ("acknowledged", "snoozed")
    assert found["snoozed_until"] is not None
    assert found["acknowledged_at"] is None
    found = act(api, alert, "acknowledge").json()
    assert (found["attention"], found["snoozed_until"]) == ("acknowledged", None)


def test_assign__member__then_no_one__is_in_the_timeline(
    api: APIClient, alert: Alert, staff: User
) -> None:
    assert act(api, alert, "assign", assignee="user:ana").json()["assignee"] == "user:ana"
    assert last_event(alert).details == {"from": "", "to": "user:ana"}
    assert act(api, alert, "assign", assignee="").json()["assignee"] == ""
    assert last_event(alert).details == {"from": "user:ana", "to": ""}


def test_assign__the_same_again__writes_no_event(api: APIClient, alert: Alert) -> None:
    act(api, alert, "assign")
    before = everything()
    assert act(api, alert, "assign").status_code == 200
    assert everything() == before


@pytest.mark.parametrize("state", ["revoked_at", "expires_at"])
def test_assign__key_that_is_over__is_refused(api: APIClient, alert: Alert, state: str) -> None:
    key, _ = create_api_key(name="old", scopes=SCOPES[Role.VIEWER])
    past = timezone.now() - timedelta(seconds=1)
    type(key).objects.filter(id=key.id).update(created_at=past - timedelta(days=1), **{state: past})
    assert act(api, alert, "assign", assignee="key:old").status_code == 400


def test_assign__member_of_another_tenant__is_refused(
    api: APIClient, alert: Alert, other_tenant: Tenant
) -> None:
    from drift_detector.tenancy.scope import tenant_scope

    ben = User.objects.create_user("ben")
    with tenant_scope(other_tenant.id):
        add_member(user=ben, role=Role.OPERATOR)
    assert act(api, alert, "assign", assignee="user:ben").status_code == 400


def test_resolve__open__ends_it_and_counts_as_seen(api: APIClient, alert: Alert) -> None:
    found = act(api, alert, "resolve", reason="data_bug", note="Mended.").json()
    assert (found["phase"], found["attention"]) == ("resolved", "acknowledged")
    assert (found["acknowledged_reason"], found["resolved_at"] is None) == ("data_bug", False)
    events = AlertEvent.objects.filter(alert=alert).order_by("number")
    kinds = [("opened", False), ("acknowledged", False), ("resolved", True)]
    assert list(events.values_list("kind", "notifies")) == kinds


def test_comment__text__changes_nothing_but_the_timeline(api: APIClient, alert: Alert) -> None:
    before = Alert.objects.values().get()
    act(api, alert, "comment", note="Look at gate B.")
    assert Alert.objects.values().get() == before
    assert (last_event(alert).kind, last_event(alert).note) == ("commented", "Look at gate B.")


@pytest.mark.parametrize(
    ("moves", "fields", "is_listed"),
    [
        ((Move.OPENED,), {}, True),
        (PENDING, {}, False),
        (FADED, {}, False),
        (RESOLVED, {"is_history": True}, True),
    ],
)
def test_list_alerts__without_phase__hides_what_never_opened(
    api: APIClient, monitor: Monitor, moves: tuple[Move, ...], fields: Any, is_listed: bool
) -> None:
    alert = make_alert(monitor, *moves, **fields)
    shown = api.get(ALERTS).json()["results"]
    assert bool(shown) is is_listed
    asked = api.get(ALERTS, {"phase": alert.phase}).json()["results"]
    assert [row["id"] for row in asked] == [str(alert.id)]
    assert api.get(f"{ALERTS}/{alert.id}").status_code == 200


WAITS: list[tuple[Callable[[APIClient, Alert], Any], bool]] = [
    (lambda api, alert: None, True),
    (lambda api, alert: act(api, alert, "acknowledge"), False),
    (lambda api, alert: act(api, alert, "snooze"), False),
    (lambda api, alert: act(api, alert, "resolve"), False),
]


@pytest.mark.parametrize(("before", "waits"), WAITS)
def test_unacknowledged__by_attention__in_list_and_dashboard(
    api: APIClient, alert: Alert, before: Callable[[APIClient, Alert], Any], waits: bool
) -> None:
    before(api, alert)
    assert bool(api.get(ALERTS, {"acknowledged": "false"}).json()["results"]) is waits
    assert bool(api.get(ALERTS, {"acknowledged": "true"}).json()["results"]) is not waits
    dashboard = api.get("/api/v1/dashboard").json()
    assert dashboard["unacknowledged_alerts"]["critical"] == waits
    assert dashboard["per_monitor"][0]["unacknowledged_alerts"] == waits


@pytest.mark.parametrize(
    ("moves", "fields"), [(PENDING, {}), (FADED, {}), (RESOLVED, {"is_history": True})]
)
def test_unacknowledged__pending_faded_or_history__waits_for_no_one(
    api: APIClient, monitor: Monitor, moves: tuple[Move, ...], fields: Any
) -> None:
    make_alert(monitor, *moves, **fields)
    assert api.get("/api/v1/dashboard").json()["unacknowledged_alerts"]["critical"] == 0


def test_unacknowledged__snooze_that_is_over__waits_before_the_sweep(
    api: APIClient, alert: Alert
) -> None:
    act(api, alert, "snooze")
    Alert.objects.update(snoozed_until=timezone.now() - timedelta(seconds=1))
    assert api.get("/api/v1/dashboard").json()["unacknowledged_alerts"]["critical"] == 1
