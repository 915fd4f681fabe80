"""The page of the false-alarm budget, its card on the home page, and the sentences before a monitor is saved."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alerts.models import Alert
from drift_detector.screens.budget_words import taken_in_words
from drift_detector.tenancy.models import Membership, Role, Tenant, User
from monitors.budgets.services import put_budget
from monitors.models import Budget
from tests.drift_detector.screens.queries import at_most
from tests.drift_detector.screens.test_home import html, make_alert
from tests.drift_detector.screens.test_home import words as page_words
from tests.factories import make_finished_run, make_monitor

URL = "/admin/budget/"
HOURLY = "0 * * * *"


@pytest.fixture
def person(client: Client, staff: User, in_tenant: Tenant) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def admin(person: Client, in_tenant: Tenant) -> Client:
    Membership.objects.filter(tenant_id=in_tenant.id).update(role=Role.ADMIN)
    return person


def judged(reason: str) -> Alert:
    """An alert of this month with the reason that a person gave."""
    run = make_finished_run(make_monitor(schedule_cron=HOURLY), "drift")
    return make_alert(run, acknowledged_reason=reason, opened_at=timezone.now())


def test_home__budget__asks_for_its_card(person: Client) -> None:
    assert f'hx-get="{URL}card/"' in html(person)


def test_budget_card__alerts_of_the_month__are_spent_and_left(person: Client) -> None:
    judged("noise")
    judged("")
    text = page_words(html(person, f"{URL}card/"))
    assert "False alerts a month 5 Spent 1 Not judged yet 1 Left 4" in text


def test_budget_page__as_it_stands__names_who_spends_it(person: Client) -> None:
    spender = judged("noise").monitor
    text = page_words(html(person, URL))
    assert "Of 5 false alerts a month, 1 is spent and 4 left." in text
    assert "Nobody has set a budget" in text
    assert f"{spender.name} 1 0 5 730 0.00685" in text  # 5 alerts over 729.6 runs


def test_budget_page__without_a_monitor__says_so(person: Client) -> None:
    assert "No monitor is active." in page_words(html(person, URL))


def test_budget_page__budget_of_a_model__is_listed(person: Client) -> None:
    monitor = make_monitor()
    put_budget(monitor.model_id, false_alerts_per_month=0.25, by="user:ana")
    assert f"{monitor.model_id} 0.25" in page_words(html(person, URL))


def test_budget_page__many_monitors__takes_few_queries(person: Client) -> None:
    for _ in range(5):
        judged("noise")
    html(person, URL)
    with at_most(16):
        html(person, URL)


def test_budget_page__admin__sets_it(admin: Client) -> None:
    answer = admin.post(URL, {"false_alerts_per_month": "2.5"})
    assert (answer.status_code, answer["Location"]) == (303, reverse("screens:budget"))
    assert Budget.objects.get().false_alerts_per_month == 2.5


@pytest.mark.parametrize("value", ["", "0", "-3", "many", "1e99", "nan"])
def test_budget_page__wrong_number__is_refused_in_place(admin: Client, value: str) -> None:
    answer = admin.post(URL, {"false_alerts_per_month": value})
    assert answer.status_code == 200
    assert answer.context["form"].errors.keys() == {"false_alerts_per_month"}
    assert not Budget.objects.exists()


def test_budget_page__viewer__sees_no_form_and_may_not_post(
    person: Client, in_tenant: Tenant
) -> None:
    Membership.objects.filter(tenant_id=in_tenant.id).update(role=Role.VIEWER)
    assert "Set the budget" not in html(person, URL)
    assert person.post(URL, {"false_alerts_per_month": "2"}).status_code == 403


def test_tune_page__monitor__says_what_it_takes(person: Client) -> None:
    monitor = make_monitor(schedule_cron=HOURLY)
    make_monitor(schedule_cron=HOURLY)
    text = page_words(html(person, reverse("screens:tune", args=[monitor.id])))
    assert "It takes at most 2.5 of the 5 false alerts a month" in text


def test_taken_in_words__numbers__are_short() -> None:
    added = {"promised": 5.0, "runs_per_month": 30.4, "level": 0.001699, "adds": 0.4123}
    assert taken_in_words(added) == (
        "It takes at most 0.41 of the 5 false alerts a month that your budget allows; "
        "the level of its runs is 0.0017."
    )
