"""A person makes a monitor of their own CSV: no JSON, once, and in the service's words where something is wrong."""

import gzip
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from detections.models import Backtest
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from drift_detector.tenancy.scope import tenant_scope
from monitors.models import Baseline, Job, Monitor
from tests.drift_detector.screens.working import few_queries, work

NEW = "/admin/monitors/new/"
HOSTILE = "<img src=x onerror=alert(1)>"
DAYS = 60


@pytest.fixture
def person(staff: User, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def sales(data_root: Path) -> Path:
    """A CSV of sixty days, a hundred and twenty rows each, with an id, a hostile name and nulls."""
    random, path = np.random.default_rng(7), data_root / "web_sales-2024.csv"
    start = datetime(2024, 1, 1)
    lines = [f"order_id,sold_at,price,{HOSTILE},coupon"]
    for row in range(DAYS * 120):
        at = start + timedelta(minutes=12 * row)
        price = f"{random.normal(20, 4):.2f}"
        coupon = "" if row % 4 else "spring"
        lines.append(f"{row},{at.isoformat()},{price},{'AB'[row % 2]},{coupon}")
    path.write_text("\n".join(lines))
    return path


def form_of(page: Any) -> dict[str, Any]:
    """What a browser sends of the columns' form as it is shown."""
    form, rows = page.context["form"], page.context["rows"]
    values = {name: form[name].value() for name in form.fields}
    dates = {
        name: f"{value:%Y-%m-%d}"
        for name, value in values.items()
        if name.startswith("ref") and value
    }
    sent = {name: value for name, value in values.items() if value is not None} | dates
    sent["at"] = "00:00"
    sent["features"] = [row.name for row in rows if row.is_feature]
    return sent | {f"kind-{row.place}": row.kind for row in rows if row.kind}


def sampled(person: Client, tenant: Tenant, place: Path | str) -> Any:
    """The page of columns after a worker has looked."""
    answer = person.post(NEW, {"use": str(place)})
    assert answer.status_code == 303
    work(tenant)
    return person.get(answer["Location"])


def send(person: Client, page: Any, **change: Any) -> Any:
    return person.post(page.request["PATH_INFO"], form_of(page) | change)


def test_wizard__own_csv__is_a_running_monitor_after_four_actions(
    person: Client, tenant: Tenant, sales: Path
) -> None:
    columns = sampled(person, tenant, sales)  # one: the file
    check = send(person, columns)["Location"]  # two: check it
    work(tenant)
    assert "Save and start" in person.get(check).content.decode()
    start = person.post(check)["Location"]  # three: save
    work(tenant)
    assert "is running" in person.get(start).content.decode()
    page = person.get(start)
    span = {name: f"{day:%Y-%m-%d}" for name, day in page.context["days"].items()}
    with tenant_scope(tenant.id):
        monitor = Monitor.objects.get()
        assert (monitor.name, monitor.created_by) == ("Web sales 2024", "user:ana")
        assert (monitor.timestamp_column, monitor.window) == ("sold_at", timedelta(days=1))
        assert monitor.feature_columns == ["price", HOSTILE]
        assert Baseline.objects.get().status == "ready"
    person.post(f"{reverse('screens:new_backtest')}?monitor={monitor.id}", span)  # four: history
    work(tenant)
    with tenant_scope(tenant.id):
        backtest = Backtest.objects.get()
    assert (backtest.status, backtest.summary["judged"] > 20) == ("ready", True)


def test_new_monitor__first_look__lists_the_only_root(
    person: Client, tenant: Tenant, sales: Path
) -> None:
    address = person.post(NEW, {"look": ""})["Location"]
    assert "A worker looks into" in person.get(address).content.decode()
    work(tenant)
    page = person.get(address)
    assert [entry["name"] for entry in page.context["entries"]] == [sales.name]


def test_new_monitor__place_outside_the_roots__says_so_at_the_field(
    person: Client, tenant: Tenant, sales: Path
) -> None:
    for sent in ({"look": "/etc"}, {"use": "", "place": "/etc/passwd"}):
        address = person.post(NEW, sent)["Location"]
        work(tenant)
        page = person.get(address).content.decode()
        assert "is outside the folders and object stores that this tenant may read" in page
        assert 'aria-invalid="true"' in page


def test_new_monitor__no_place__asks_for_one(person: Client, sales: Path) -> None:
    page = person.post(NEW, {"use": "", "place": " "})
    assert "Name a file, a folder or a pattern of files." in page.content.decode()


def test_columns__sample__shows_types_nulls_and_guesses(
    person: Client, tenant: Tenant, sales: Path
) -> None:
    page = sampled(person, tenant, sales)
    rows = {row.name: row for row in page.context["rows"]}
    assert (rows["coupon"].nulls, rows["price"].type) == ("75 %", "number")
    assert not rows["order_id"].is_feature
    assert not rows["sold_at"].is_feature
    assert "about 30 values" in rows["coupon"].note
    assert len(gzip.compress(page.content)) < 60_000
    assert page.context["form"]["window"].value() == "P1D"
    assert page.context["form"]["reference_until"].value() == datetime(2024, 1, 30).date()


def test_columns__hostile_name__is_inert(person: Client, tenant: Tenant, sales: Path) -> None:
    page = sampled(person, tenant, sales).content.decode()
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"timezone": "Nowhere/Land"}, "timezone", "is not an IANA time zone"),
        ({"every": "cron", "schedule_cron": "nonsense"}, "schedule_cron", "has five fields"),
        ({"reference_until": "2023-01-01"}, "reference_until", "must be after reference_start"),
        ({"label_column": "price"}, "label_column", "both a prediction_column and a label"),
        ({"name": "Taken"}, "name", "is taken"),
        ({"name": ""}, "name", "required"),
    ],
)
def test_columns__wrong_field__is_told_there_and_nothing_is_asked(
    person: Client, tenant: Tenant, sales: Path, change: Any, field: str, words: str
) -> None:
    page = sampled(person, tenant, sales)
    assert send(person, page, name="Taken").status_code == 303
    work(tenant)
    with tenant_scope(tenant.id):
        preview = Job.objects.get(kind="preview")
    person.post(reverse("screens:new_monitor_check", args=[page.context["job"].id, preview.id]))
    work(tenant)
    answer = send(person, page, **change)
    assert words in " ".join(answer.context["form"].errors[field])
    with tenant_scope(tenant.id):
        assert Job.objects.filter(kind="preview").count() == 1


def test_columns__no_feature__is_told_at_the_table(
    person: Client, tenant: Tenant, sales: Path
) -> None:
    answer = send(person, sampled(person, tenant, sales), features=[])
    assert "Tick at least one column." in answer.content.decode()


def test_columns__refused_by_the_data__come_back_with_the_reason(
    person: Client, tenant: Tenant, sales: Path
) -> None:
    page = sampled(person, tenant, sales)
    check = send(person, page, current_data_uri="/etc/passwd")["Location"]
    work(tenant)
    back = person.get(check, follow=True)
    assert "is outside the folders" in back.context["form"].errors["current_data_uri"][0]
    assert back.context["form"]["name"].value() == "Web sales 2024"


def test_columns__opened_again__keeps_what_was_chosen(
    person: Client, tenant: Tenant, sales: Path
) -> None:
    page = sampled(person, tenant, sales)
    send(person, page, name="Mine", features=["price"])
    again = person.get(page.request["PATH_INFO"])
    assert again.context["form"]["name"].value() == "Mine"
    assert [row.name for row in again.context["rows"] if row.is_feature] == ["price"]


def test_columns__sensitive__lose_their_values(person: Client, tenant: Tenant, sales: Path) -> None:
    page = sampled(person, tenant, sales)
    send(person, page, features=["price", "coupon"], sensitive=["coupon"])
    rows = {row.name: row for row in person.get(page.request["PATH_INFO"]).context["rows"]}
    assert (list(rows["coupon"].values), rows["coupon"].is_sensitive) == ([], True)


def test_save__pressed_twice__makes_one_monitor(
    person: Client, tenant: Tenant, sales: Path
) -> None:
    check = send(person, sampled(person, tenant, sales))["Location"]
    work(tenant)
    addresses = {person.post(check)["Location"] for _ in range(2)}
    work(tenant)
    addresses.add(person.post(check)["Location"])
    assert len(addresses) == 1
    with tenant_scope(tenant.id):
        assert Monitor.objects.count() == 1


def test_wizard__job_of_another_tenant__is_not_there(
    person: Client, tenant: Tenant, other_tenant: Tenant, sales: Path
) -> None:
    with tenant_scope(other_tenant.id):
        fields = {"place": "/secret", "data_timezone": "UTC"}
        theirs = Job.objects.create(
            tenant=other_tenant, kind="sample", fields=fields, requested_by="x"
        )
    assert person.get(reverse("screens:new_monitor_columns", args=[theirs.id])).status_code == 404
    assert person.get(reverse("screens:new_monitor_place", args=[theirs.id])).status_code == 404


def test_new_monitor__viewer__may_not_ask(person: Client, tenant: Tenant) -> None:
    with tenant_scope(tenant.id):
        Membership.objects.update(role=Role.VIEWER)
    assert person.post(NEW, {"look": ""}).status_code == 403
    assert "needs the role operator" in person.get(NEW).content.decode()


def test_new_monitor__signed_out__asks_to_sign_in(client: Client, tenant: Tenant) -> None:
    assert client.get(NEW)["Location"].startswith("/admin/login/")


def test_schedule_part__week__is_in_words_with_five_dates(person: Client) -> None:
    chosen = {"every": "week", "weekday": "3", "at": "07:30", "timezone": "Europe/Berlin"}
    page = person.get(reverse("screens:schedule_part"), chosen).content.decode()
    assert "at 07:30 on Wednesday" in page
    dates = re.findall(r'datetime="(\S+?)"', page)
    assert len(dates) == 5
    assert all(datetime.fromisoformat(date).isoweekday() == 3 for date in dates)


def test_wizard__queries__are_few(person: Client, tenant: Tenant, sales: Path) -> None:
    page = sampled(person, tenant, sales)
    with few_queries():
        person.get(page.request["PATH_INFO"])
    check = send(person, page)["Location"]
    work(tenant)
    with few_queries():
        person.get(check)
    start = person.post(check)["Location"]
    work(tenant)
    with few_queries():
        person.get(start)
