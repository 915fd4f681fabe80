"""Each page, form and action of the admin leaves an entry that names the person."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from alerts.models import Alert
from algorithms.verdicts import Severity
from detections.models import Backtest, DetectionRun
from detections.runs.completion import complete_run
from drift_detector.screens.screen import Screen
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.rights import SCOPES
from drift_detector.tenancy.scope import current_tenant_id, tenant_scope
from drift_detector.tenancy.services import add_member, create_api_key
from drift_detector.tenancy.site import site
from monitors.models import Monitor, StoreConnection
from tests.alerts.notification_rows import notification_rows
from tests.alerts.routing.test_admin import ROUTE
from tests.drift_detector.audit.entries import entries_of
from tests.factories import drift_result, make_backtest, make_flights_monitor, make_run, take
from tests.monitors.connections.offered import OFFERED

type Rows = dict[str, Any]
type Form = Callable[[Rows], tuple[str, dict[str, Any]]]


def page(name: str, row: str, **data: Any) -> Form:
    """A form of a page of one row."""
    return lambda rows: (reverse(f"screens:{name}", args=[rows[row].pk]), data)


def action(lst: str, row: str, name: str) -> Form:
    """An action on a row of a list."""
    return lambda rows: (
        reverse(f"admin:{lst}_changelist"),
        {"action": name, "_selected_action": [str(rows[row].pk)]},
    )


def on_alert(name: str, **said: Any) -> Form:
    """The form of an action on chosen alerts."""
    return lambda rows: (
        reverse("admin:alerts_alert_act", args=[name]),
        {"ids": str(rows["alert"].pk), **said},
    )


def new_row(name: str, data: dict[str, Any]) -> Form:
    """A form of the admin that adds a row."""
    return lambda rows: (reverse(f"admin:{name}_add"), data)


def new_backtest(rows: Rows) -> tuple[str, dict[str, Any]]:
    monitor = rows["monitor"]
    address = f"{reverse('screens:new_backtest')}?{urlencode({'monitor': monitor.pk})}"
    return address, {"first": "2026-01-05", "last": "2026-02-02"}


FORMS: dict[str, Form] = {
    "screens:alert": page("alert", "alert", action="comment", note="Snow."),
    "screens:monitor": page("monitor", "monitor", action="run"),
    "screens:run": page("run", "run"),
    "screens:report": page("report", "run"),
    "screens:baseline": page("baseline", "baseline"),
    "screens:backtest": page("backtest", "backtest"),
    "screens:budget": lambda rows: (reverse("screens:budget"), {"false_alerts_per_month": "3"}),
    "screens:new_backtest": new_backtest,
    "screens:new_monitor": lambda rows: (
        reverse("screens:new_monitor"),
        {"look": rows["monitor"].current_data_uri},
    ),
    "alerts.Alert.acknowledge_selected": on_alert("acknowledge", reason="noise"),
    "alerts.Alert.snooze_selected": on_alert(
        "snooze", until=f"{timezone.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"
    ),
    "alerts.Alert.assign_selected": on_alert("assign", assignee="user:ana"),
    "alerts.Alert.resolve_selected": on_alert("resolve", reason="noise"),
    "alerts.Alert.comment_selected": on_alert("comment", note="Snow."),
    "channels": new_row(
        "alerts_channel",
        {"name": "Hook", "kind": "webhook", "new_address": "http://127.0.0.1:9/x", "enabled": "on"},
    ),
    "routes": lambda rows: (
        reverse("admin:alerts_route_add"),
        ROUTE | {"name": "Night", "channels": [str(rows["channels"].pk)]},
    ),
    "silences": new_row(
        "alerts_silence",
        {
            "starts_at_0": "2098-01-01",
            "starts_at_1": "00:00",
            "ends_at_0": "2098-01-02",
            "ends_at_1": "00:00",
            "reason": "A new timetable.",
        },
    ),
    "windows": new_row(
        "alerts_maintenancewindow",
        {"name": "Early", "cron": "0 1 * * *", "duration": "1:00:00", "timezone": "UTC"},
    ),
    "connections": new_row(
        "monitors_storeconnection",
        {"name": "Lake", "store": "s3://lake/acme", "credentials": "lake"},
    ),
    "monitors.StoreConnection.forget_selected": action(
        "monitors_storeconnection", "removed connection", "forget_selected"
    ),
    "tenancy.ApiKey.revoke_selected": action("tenancy_apikey", "key", "revoke_selected"),
    "tenancy.Membership.remove_selected": action("tenancy_membership", "member", "remove_selected"),
    "monitors.Monitor.rebuild_baselines": action(
        "monitors_monitor", "monitor", "rebuild_baselines"
    ),
    "saved filters": lambda rows: (
        reverse("admin:alerts_alert_save_filter"),
        {"name": "Mine", "query": "severity__exact=critical"},
    ),
}
BESIDE_SCREENS = {"saved filters", "connections", "channels", "routes", "silences", "windows"}
"""Forms that are no page of `screens` and no action."""
NO_FORM = {
    "screens:new_monitor_place": "the form of screens:new_monitor",
    "screens:new_monitor_columns": "asks for a job, as screens:new_monitor does",
    "screens:new_monitor_check": "asks for a job, as screens:new_monitor does",
    "screens:tune": "changes a monitor, as screens:backtest does",
    "alerts.Channel.send_test": "sends a message and keeps nothing",
}


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Each address below a resolver, by its name with its namespace."""
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            inner = f"{each.namespace}:" if each.namespace else prefix
            yield from patterns(each, inner)
        elif each.name:
            yield f"{prefix}{each.name}", each


def posting_screens() -> set[str]:
    """The pages that have a form of their own."""
    found = dict(patterns(get_resolver()))
    return {
        name
        for name, each in found.items()
        if "post" in vars(getattr(each.callback, "view_class", object))
        and issubclass(each.callback.view_class, Screen)  # type: ignore[attr-defined]
    }


def actions() -> set[str]:
    """The actions of all lists."""
    return {
        f"{model._meta.label}.{name}"
        for model, model_admin in site._registry.items()
        for name in model_admin.actions or ()
    }


@pytest.fixture
def person(staff: User, tenant: Tenant, client: Client, override: Callable[..., None]) -> Client:
    """The client of a person who is an admin of the tenant."""
    override(notifier={"allowed_hosts": ["127.0.0.1"]}, data=OFFERED)
    with tenant_scope(tenant.id):
        Membership.objects.update(role=Role.ADMIN)
    client.force_login(staff)
    return client


@pytest.fixture
def rows(in_tenant: Tenant, flights: Path) -> Rows:
    """A row of each kind that a page is about."""
    monitor = make_flights_monitor(flights, name="Flights")
    baseline, run = monitor.baselines.get(), make_run(monitor)
    assert complete_run(take(run), drift_result(Severity.WARNING, baseline_id=baseline.id))
    alert, (key, _) = Alert.objects.get(), create_api_key(name="ci", scopes=SCOPES[Role.VIEWER])
    backtest = make_backtest(monitor)
    Backtest.objects.update(changes={"min_rows": 77}, status="ready", finished_at=run.created_at)
    return {
        "monitor": Monitor.objects.get(),
        "baseline": baseline,
        "run": DetectionRun.objects.get(),
        "alert": alert,
        "key": key,
        "member": add_member(user=User.objects.create_user("ben"), role=Role.VIEWER),
        "backtest": backtest,
        "removed connection": removed_connection(),
    } | notification_rows(alert)


def removed_connection() -> StoreConnection:
    return StoreConnection.objects.create(
        tenant_id=current_tenant_id(), name="Gone", store="s3://lake/acme/gone",
        credentials="lake", removed_at=timezone.now(),
    )  # fmt: skip


def entries_by(user: User, tenant: Tenant) -> list[dict[str, Any]]:
    mine = (str(user.pk), "user")
    return [
        each for each in entries_of(tenant.id) if (each["actor_id"], each["actor_kind"]) == mine
    ]


def test_forms__each_page_and_action_that_writes__is_in_this_walk() -> None:
    assert posting_screens() | actions() == (FORMS.keys() | NO_FORM.keys()) - BESIDE_SCREENS


@pytest.mark.parametrize("name", FORMS)
def test_form__sent__leaves_an_entry(
    person: Client, staff: User, tenant: Tenant, rows: Rows, name: str
) -> None:
    before = len(entries_by(staff, tenant))
    address, data = FORMS[name](rows)
    answer = person.post(address, data)
    assert answer.status_code in (302, 303), answer.content[-3000:]
    new = entries_by(staff, tenant)[before:]
    assert {each["action"] for each in new} & {"insert", "update", "delete"}
    assert {each["address"] for each in new} == {"127.0.0.1"}
    assert "" not in {each["request_id"] for each in new}


LISTS = sorted(
    name
    for name, _ in patterns(get_resolver())
    if name.startswith("admin:") and name.endswith("_changelist")
)


@pytest.mark.parametrize("name", LISTS)
def test_list__shown_to_a_person__is_told_as_read(
    person: Client, staff: User, tenant: Tenant, name: str
) -> None:
    assert person.get(reverse(name)).status_code == 200
    last = entries_by(staff, tenant)[-1]
    assert (last["action"], last["object_type"]) == ("read", name)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("screens:monitor", "monitor"),
        ("screens:run", "run"),
        ("screens:alert", "alert"),
        ("screens:baseline", "baseline"),
        ("screens:backtest", "backtest"),
    ],
)
def test_page__shown_to_a_person__is_told_as_read(
    person: Client, staff: User, tenant: Tenant, rows: Rows, name: str, row: str
) -> None:
    assert person.get(reverse(name, args=[rows[row].pk])).status_code == 200
    last = entries_by(staff, tenant)[-1]
    assert (last["action"], last["object_type"]) == ("read", name)
    assert last["object_id"] == str(rows[row].pk)


def test_export__sent_to_a_person__is_told_as_read(
    person: Client, staff: User, tenant: Tenant
) -> None:
    address = reverse("admin:alerts_alert_export", args=["csv"])
    answer = person.get(address)
    assert answer.status_code == 200
    assert answer.getvalue().startswith(b"id,")
    assert entries_by(staff, tenant)[-1]["object_type"] == "admin:alerts_alert_export"


def test_page__viewer_sends_its_form__is_told_as_refused(
    person: Client, staff: User, tenant: Tenant, rows: Rows
) -> None:
    Membership.objects.update(role=Role.VIEWER)
    assert person.post(reverse("screens:baseline", args=[rows["baseline"].pk])).status_code == 403
    last = entries_by(staff, tenant)[-1]
    assert (last["action"], last["object_type"]) == ("refused", "screens:baseline")
