"""People tune a monitor with the API's checks, and without JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import PeriodicTask

from alerts.models import Suggestion
from detections.models import Backtest
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Job, Monitor
from tests.drift_detector.screens.working import few_queries, work
from tests.factories import make_flights_monitor, make_monitor

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def person(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def monitor(in_tenant: Tenant, flights: Path) -> Monitor:
    return make_flights_monitor(flights, name=HOSTILE, methods=None)


def page_of(monitor: Monitor) -> str:
    return reverse("screens:tune", args=[monitor.id])


def form_of(page: Any) -> dict[str, Any]:
    """What a browser sends of the form as it is shown."""
    form, rows = page.context["form"], page.context["rows"]
    values = {name: form[name].value() for name in form.fields}
    sent: dict[str, Any] = {
        name: value for name, value in values.items() if value is not None and value is not False
    }
    sent |= {row.key: row.value for row in rows}
    sent |= {f"importance:{row.feature}": row.importance for row in rows if row.is_first}
    sent |= {f"way:{row['metric']}": row["way"] for row in page.context["performance_rows"]}
    sent |= {f"value:{row['metric']}": row["value"] for row in page.context["performance_rows"]}
    for row in page.context["method_rows"]:
        sent[f"method:thresholds:{row.method}"] = row.threshold
        sent[f"method:tolerances:{row.method}"] = row.tolerance
    sent["shown"] = [row.feature for row in rows]
    sent["sensitive"] = [row.feature for row in rows if row.is_sensitive]
    return sent | {"at": "00:00"}


def save(person: Client, monitor: Monitor, **change: Any) -> Any:
    answer = person.post(page_of(monitor), form_of(person.get(page_of(monitor))) | change)
    work(monitor.tenant)
    if answer.status_code == 303:
        answer = person.get(answer["Location"], follow=True)
    monitor.refresh_from_db()
    return answer


def test_tune__saved_as_it_is__changes_nothing(person: Client, monitor: Monitor) -> None:
    before = Monitor.objects.values().get()
    assert "Nothing was changed." in save(person, monitor).content.decode()
    assert Monitor.objects.values().get() == before


def test_tune__schedule_and_alert_rules__are_saved_at_once(
    person: Client, monitor: Monitor
) -> None:
    rules = {"warning_runs": 3, "warning_of": 5, "resolve_after": 4}
    save(person, monitor, every="day", at="07:30", status="paused", **rules)
    assert (monitor.schedule_cron, monitor.status, monitor.resolve_after) == (
        "30 7 * * *",
        "paused",
        4,
    )
    assert monitor.open_after is not None
    assert monitor.open_after["warning"] == {"runs": 3, "of": 5}
    assert not PeriodicTask.objects.get().enabled
    assert not Job.objects.exists()


def test_tune__tolerance__is_saved_after_a_look_at_the_sources(
    person: Client, monitor: Monitor
) -> None:
    limits = {"limit:tolerances:ks:delay": "0.25", "importance:delay": "3"}
    answer = save(person, monitor, sensitive=["carrier"], **limits)
    assert "The changes are saved." in answer.content.decode()
    assert Job.objects.get().kind == "update_monitor"
    assert monitor.tolerances == {"ks": {"features": {"delay": 0.25}}}
    assert (monitor.importances, monitor.sensitive_features) == ({"delay": 3.0}, ["carrier"])


def test_tune__marked_sensitive__samples_of_its_data_forget_the_values(
    person: Client, monitor: Monitor, flights: Path
) -> None:
    person.post(reverse("screens:new_monitor"), {"use": str(flights)})
    work(monitor.tenant)
    assert '"values":["' in Job.objects.get(kind="sample").answer.replace(" ", "")
    save(person, monitor, sensitive=["carrier"])
    sampled = {each["name"]: each["values"] for each in answer_of_sample()}
    assert (sampled["carrier"], len(sampled["delay"]) > 0) == ([], True)


def answer_of_sample() -> Any:
    return json.loads(Job.objects.get(kind="sample").answer)["columns"]


def test_tune__tolerance_emptied__is_automatic_again(person: Client, monitor: Monitor) -> None:
    save(person, monitor, **{"limit:tolerances:ks:delay": "0.25"})
    save(person, monitor, **{"limit:tolerances:ks:delay": ""})
    assert monitor.tolerances == {}


def test_tune__method_limits_and_metrics__are_saved(person: Client, monitor: Monitor) -> None:
    limits = {"method:thresholds:psi": "0.3", "way:accuracy": "minimum", "value:accuracy": "0.9"}
    save(person, monitor, methods=["ks", "psi"], **limits)
    assert (monitor.methods, monitor.thresholds) == (["ks", "psi"], {"psi": {"default": 0.3}})
    assert monitor.performance_limits == {"accuracy": {"minimum": 0.9}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"limit:tolerances:ks:delay": "7"}, "must be a number above 0 and at most 1"),
        ({"limit:tolerances:ks:delay": "much"}, "It must be a number, not &#x27;much&#x27;."),
        ({"importance:delay": "-1"}, "must be a number above 0"),
        ({"method:thresholds:ks": "2"}, "must be a number above 0 and at most 1"),
        ({"every": "cron", "schedule_cron": "nonsense"}, "five fields"),
        ({"timezone": "Nowhere"}, "is not an IANA time zone"),
        ({"warning_runs": 4, "warning_of": 2}, "runs must not be greater than of"),
        ({"min_rows": "0"}, "greater than or equal to 1"),
        ({"name": "Taken"}, "is taken"),
        ({"way:accuracy": "minimum", "value:accuracy": "x"}, "must have a number as its limit"),
        ({"way:accuracy": "relative", "value:accuracy": "-1"}, "accuracy"),
    ],
)
def test_tune__wrong_value__is_told_and_not_saved(
    person: Client, monitor: Monitor, change: dict[str, Any], words: str
) -> None:
    make_monitor(name="Taken")
    before = Monitor.objects.values().get(id=monitor.id)
    assert words in save(person, monitor, **change).content.decode()
    assert Monitor.objects.values().get(id=monitor.id) == before


def test_tune__data_gone__shows_the_reason_and_keeps_the_change(
    person: Client, monitor: Monitor, flights: Path
) -> None:
    for path in flights.iterdir():
        path.unlink()
    answer = save(person, monitor, **{"limit:tolerances:ks:delay": "0.25"})
    assert "There is no data file at" in answer.content.decode()
    [row] = [row for row in answer.context["rows"] if row.feature == "delay"]
    assert (row.value, monitor.tolerances) == ("0.25", {})


def test_tune__usual_effects__stand_beside_the_tolerances(person: Client, monitor: Monitor) -> None:
    baseline = monitor.baselines.get()
    card = (baseline.calibration or {}) | {
        "usual_effects": {"ks delay": 0.123, "chi_squared carrier": 0.01}
    }
    monitor.baselines.model.objects.create(
        tenant_id=monitor.tenant_id, monitor=monitor, version=2, status="ready",
        features=baseline.features, content=baseline.content, calibration=card,
    )  # fmt: skip
    first, *_ = person.get(page_of(monitor)).context["rows"]
    assert (first.feature, first.usual, first.effective) == ("delay", 0.123, 0.123)


def test_tune__many_features__come_in_pages_and_are_found(
    person: Client, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drift_detector.screens.tune_page.PER_PAGE", 2)
    page = person.get(page_of(monitor))
    assert (len(page.context["rows"]), page.context["later"]) == (2, "?q=&page=2#limits")
    found = person.get(page_of(monitor), {"q": "CARR"}).context["rows"]
    assert [row.feature for row in found] == ["carrier"]


def test_tune__try_on_history__starts_both_backtests(person: Client, monitor: Monitor) -> None:
    sent = form_of(person.get(page_of(monitor))) | {"limit:tolerances:ks:delay": "0.9", "try": "1"}
    span = {"start": "2024-01-20", "end": "2024-02-01"}
    answer = person.post(f"{reverse('screens:new_backtest')}?monitor={monitor.id}", sent | span)
    assert answer.status_code == 303
    changes = list(Backtest.objects.order_by("created_at").values_list("changes", flat=True))
    assert changes == [{}, {"tolerances": {"ks": {"features": {"delay": 0.9}}}}]
    assert Monitor.objects.get(id=monitor.id).tolerances == {}


def test_tune__suggestion__is_applied_once(person: Client, monitor: Monitor) -> None:
    suggestion = Suggestion.objects.create(
        tenant_id=monitor.tenant_id, monitor=monitor, status="offered", method="ks", feature="delay",
        tolerance=0.3, summary=HOSTILE, requested_by="user:ana",
    )  # fmt: skip
    page = person.get(page_of(monitor)).content.decode()
    assert HOSTILE not in page
    for words in ("Applied:", "Only a suggestion that is offered can be accepted"):
        answer = person.post(page_of(monitor), {"accept": str(suggestion.id)}, follow=True)
        assert words in answer.content.decode()
    monitor.refresh_from_db()
    assert monitor.tolerances == {"ks": {"features": {"delay": 0.3}}}


def test_tune__learn__says_that_there_is_nothing_yet(person: Client, monitor: Monitor) -> None:
    answer = person.post(page_of(monitor), {"learn": "1"}, follow=True)
    assert "suggest nothing yet" in answer.content.decode()


def test_tune__viewer__may_not_save(person: Client, monitor: Monitor) -> None:
    Membership.objects.update(role=Role.VIEWER)
    assert person.post(page_of(monitor), {"name": "Mine"}).status_code == 403
    assert person.get(page_of(monitor)).status_code == 200


def test_tune__other_tenants_monitor__is_not_there(
    person: Client, tenant: Tenant, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.id):
        theirs = make_monitor()
    assert person.get(page_of(theirs)).status_code == 404
    assert person.post(page_of(theirs), {"name": "Mine"}).status_code == 404


def test_tune__queries__are_few(person: Client, monitor: Monitor) -> None:
    with few_queries():
        assert HOSTILE not in person.get(page_of(monitor)).content.decode()


@pytest.mark.parametrize("query", ["job=abc", "job=%00", "page=²", f"page={'9' * 5000}"])
def test_tune__odd_query__is_no_fault(person: Client, monitor: Monitor, query: str) -> None:
    assert person.get(f"{page_of(monitor)}?{query}").status_code in (200, 404)


@pytest.mark.parametrize("key", ["limit:x", "limit:", "method:thresholds", "importance:"])
def test_tune__input_of_no_limit__changes_nothing(
    person: Client, monitor: Monitor, key: str
) -> None:
    limits = Monitor.objects.values_list("tolerances", "thresholds", "importances")
    before = limits.get(id=monitor.id)
    assert person.post(page_of(monitor), {key: "1"}).status_code < 500
    assert limits.get(id=monitor.id) == before


def test_tune__suggestion_of_no_id__is_not_there(person: Client, monitor: Monitor) -> None:
    assert person.post(page_of(monitor), {"accept": "abc"}).status_code == 404


def test_tune__slices__are_saved_as_lines(person: Client, monitor: Monitor) -> None:
    save(person, monitor, slices="far: distance > 1000\r\ncarrier = 'A'")
    assert monitor.slices == [
        {"name": "far", "where": "distance > 1000"},
        {"name": "carrier = 'A'", "where": "carrier = 'A'"},
    ]
    shown = person.get(page_of(monitor)).context["form"]["slices"].value()
    assert shown == "far: distance > 1000\ncarrier = 'A'"


def test_tune__slice_that_is_wrong__says_where(person: Client, monitor: Monitor) -> None:
    page = save(person, monitor, slices="far: distance >")
    assert "The condition of slice" in page.content.decode()
    assert monitor.slices == []
