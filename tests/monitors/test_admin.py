"""Monitors in the admin: the same checks and the same services as the API's."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

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


def test_change__rare_fields__are_saved(signed_in: Client, monitor: Monitor) -> None:
    rare = {"error_batch": "5", "misfire_grace": "00:05:00"}
    assert (
        save(signed_in, monitor, detector_settings='{"adwin": {"delta": 0.01}}', **rare).status_code
        == 302
    )
    assert (monitor.error_batch, monitor.misfire_grace) == (5, timedelta(minutes=5))
    assert monitor.detector_settings == {"adwin": {"delta": 0.01}}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("misfire_grace", "-1"),
        ("label_delay", "nonsense"),
        ("detector_settings", '{"guess": {}}'),
        ("detector_settings", '{"adwin": {"delta": "x"}}'),
        ("error_scale", "-1"),
        ("error_batch", "0"),
    ],
)
def test_change__bad_field__is_shown_and_not_saved(
    signed_in: Client, monitor: Monitor, field: str, value: str
) -> None:
    before = Monitor.objects.values().get(id=monitor.id)
    answer = save(signed_in, monitor, **{field: value})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert Monitor.objects.values().get(id=monitor.id) == before


def test_change__needs_another_field_than_is_here__says_so(
    signed_in: Client, monitor: Monitor
) -> None:
    answer = save(signed_in, monitor, error_batch="5", label_delay="1 00:00:00")
    assert answer.status_code == 200
    assert "label_delay needs performance_limits." in answer.content.decode()


def test_change__tune__leads_to_its_page(signed_in: Client, monitor: Monitor) -> None:
    page = signed_in.get(f"{LIST}{monitor.id}/change/").content.decode()
    [address] = re.findall(r'href="(/admin/monitors/monitor/[^"]*tune[^"]*)"', page)
    assert signed_in.get(address)["Location"] == f"/admin/monitors/{monitor.id}/tune/"


def test_change__what_the_sources_are__can_not_be_forged(
    signed_in: Client, monitor: Monitor
) -> None:
    save(signed_in, monitor, reference_data_uri="/etc", created_by="me", error_batch="7")
    assert (monitor.error_batch, monitor.reference_data_uri, monitor.created_by) == (
        7,
        "/nowhere/reference",
        "key:test",
    )


def test_change_page__data__is_text_and_no_json(signed_in: Client, in_tenant: Tenant) -> None:
    names, dialect = ["<img src=x>", "zip"], {"delimiter": ";"}
    shown = make_monitor(
        feature_columns=names, feature_kinds={"zip": "categorical"}, csv_dialect=dialect
    )
    page = signed_in.get(f"{LIST}{shown.id}/change/").content.decode()
    for text in ("&lt;img src=x&gt;, zip", "zip: categorical", "delimiter: ;", "the usual ones"):
        assert text in page


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
