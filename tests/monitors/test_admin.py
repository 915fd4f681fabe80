"""Monitors in the admin: the same checks and the same services as the API's."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django_celery_beat.models import PeriodicTask

from drift_detector.tenancy.models import Membership, Role, Tenant, User
from monitors.models import Baseline, Monitor
from tests.factories import make_flights_monitor, make_monitor

LIST = "/admin/monitors/monitor/"


@pytest.fixture
def signed_in(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def monitor(in_tenant: Tenant) -> Monitor:
    return make_monitor(name="Flights")


def form_of(client: Client, monitor: Monitor, **change: str) -> dict[str, str]:
    """The form that a browser sends back, with some fields changed."""
    form = client.get(f"{LIST}{monitor.id}/change/").context["adminform"].form
    values: dict[str, Any] = {name: form[name].value() for name in form.fields}
    return {
        name: str(value)
        for name, value in values.items()
        if value is not None and value is not False
    } | change


def save(client: Client, monitor: Monitor, **change: str) -> Any:
    answer = client.post(f"{LIST}{monitor.id}/change/", form_of(client, monitor, **change))
    monitor.refresh_from_db()
    return answer


def test_change__saved_as_it_is__changes_nothing(signed_in: Client, monitor: Monitor) -> None:
    before = Monitor.objects.values().get()
    assert save(signed_in, monitor).status_code == 302
    after = Monitor.objects.values().get()
    assert after | {"updated_at": before["updated_at"]} == before


def test_change__cron_and_status__move_the_schedule(signed_in: Client, monitor: Monitor) -> None:
    assert save(signed_in, monitor, schedule_cron="30 7 * * *", status="paused").status_code == 302
    task = PeriodicTask.objects.get()
    assert (task.crontab.minute, task.crontab.hour, task.enabled) == ("30", "7", False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schedule_cron", "nonsense"),
        ("timezone", "Nowhere"),
        ("window", "0"),
        ("window_lag", "-1"),
        ("methods", '["guess"]'),
        ("thresholds", '{"ks": 7}'),
        ("thresholds", '{"ks": {"features": {"a\\u0000": 0.1}}}'),
        ("thresholds", '{"ks": 5e-324}'),
        ("tolerances", '{"psi": 0.1}'),
        ("tolerances", '{"ks": {"features": {"delay": 1e-200}}}'),
        ("importances", '{"delay": 5e-324}'),
        ("min_rows", "-1"),
        ("name", ""),
        ("name", "Taken"),
    ],
)
def test_change__bad_field__is_shown_and_not_saved(
    signed_in: Client, monitor: Monitor, field: str, value: str
) -> None:
    make_monitor(name="Taken")
    before = Monitor.objects.values().get(id=monitor.id)
    answer = save(signed_in, monitor, **{field: value})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert Monitor.objects.values().get(id=monitor.id) == before


def test_change__needs_a_field_that_is_read_only_here__says_so(
    signed_in: Client, in_tenant: Tenant
) -> None:
    answer = save(signed_in, make_monitor(timestamp_column=""), seasonal_weeks="1")
    assert answer.status_code == 200
    assert "seasonal_weeks needs a timestamp_column." in answer.content.decode()


def test_change__what_the_sources_are__can_not_be_forged(
    signed_in: Client, monitor: Monitor
) -> None:
    save(signed_in, monitor, reference_data_uri="/etc", created_by="me", name="Renamed")
    assert (monitor.name, monitor.reference_data_uri, monitor.created_by) == (
        "Renamed",
        "/nowhere/reference",
        "key:test",
    )


def test_change__by_a_viewer__is_refused(signed_in: Client, monitor: Monitor) -> None:
    Membership.objects.update(role=Role.VIEWER)
    answer = signed_in.post(f"{LIST}{monitor.id}/change/", {"name": "Taken"})
    monitor.refresh_from_db()
    assert (answer.status_code, monitor.name) == (403, "Flights")


@pytest.mark.parametrize("path", ["add/", "{}/delete/"])
def test_monitor__added_or_deleted_here__is_refused(
    signed_in: Client, monitor: Monitor, path: str
) -> None:
    assert signed_in.post(LIST + path.format(monitor.id), {"post": "yes"}).status_code == 403
    assert Monitor.objects.count() == 1


def test_rebuild_baselines__two_selected__asks_for_two_and_says_so(
    signed_in: Client, monitor: Monitor
) -> None:
    ids = [monitor.id, make_monitor().id]
    answer = signed_in.post(
        LIST, {"action": "rebuild_baselines", "_selected_action": ids}, follow=True
    )
    assert "2 baselines are being built." in answer.content.decode()
    assert Baseline.objects.filter(version=2).count() == 2


def test_list__searched__finds_by_name(signed_in: Client, monitor: Monitor) -> None:
    make_monitor(name="Trains")
    text = signed_in.get(f"{LIST}?q=trai").content.decode()
    assert "Trains" in text
    assert str(monitor.id) not in text


def test_baseline_form__of_a_ready_one__leads_to_its_page(
    signed_in: Client, in_tenant: Tenant, flights: Path
) -> None:
    baseline = make_flights_monitor(flights).baselines.get()
    form = f"/admin/monitors/baseline/{baseline.id}/change/"
    assert signed_in.get(form)["Location"] == f"/admin/baselines/{baseline.id}/"
    signed_in.post(form, {"status": "failed"})
    assert Baseline.objects.get().status == "ready"
