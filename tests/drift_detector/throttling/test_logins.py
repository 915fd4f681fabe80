"""The limits of the admin's login; the passwords are checked by Django as in production."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from structlog.testing import capture_logs

from drift_detector.tenancy.models import User
from drift_detector.throttling import logins
from drift_detector.throttling.logins import bounded_login
from tests.drift_detector.throttling.test_request_throttle import address

RIGHT = "correct horse battery"
Override = Callable[..., None]


@pytest.fixture
def person(staff: User) -> User:
    """One whose tries no other test has used."""
    staff.username = f"ana-{uuid4().hex[:8]}"
    staff.save()
    return staff


def login(name: str, password: str, client: Client | None = None, home: str = "") -> HttpResponse:
    fields = {"username": name, "password": password}
    client = client or Client()
    client.defaults |= {"REMOTE_ADDR": home or "127.0.0.1"}
    return client.post(reverse("admin:login"), fields)  # type: ignore[return-value]


def tries(name: str, number: int, **options: Any) -> list[int]:
    return [login(name, "wrong", **options).status_code for _ in range(number)]


def test_login__wrong_passwords__are_refused_and_then_the_right_one_too(
    person: User, override: Override
) -> None:
    override(throttle={"passwords_per_account": 3})
    assert tries(person.username, 4) == [200] * 3 + [429]
    refused = login(person.username, RIGHT)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 300
    assert "3 passwords may be tried for this account" in refused.content.decode()


def test_login__other_spellings_of_a_name__are_one_account(
    person: User, override: Override
) -> None:
    override(throttle={"passwords_per_account": 1})
    assert tries(person.username, 1) == [200]
    wide = person.username.replace("a", "\uff41")
    for spelling in (person.username.upper(), f" {person.username} ", wide):
        assert login(spelling, RIGHT).status_code == 429


def test_login__browser_that_was_signed_in__is_not_locked_out_by_strangers(
    person: User, override: Override
) -> None:
    override(throttle={"passwords_per_account": 2})
    browser = Client()
    assert login(person.username, RIGHT, browser).status_code == 302
    browser.post(reverse("admin:logout"))
    assert tries(person.username, 3) == [200, 200, 429]
    assert login(person.username, RIGHT, browser).status_code == 302


def test_login__cookie_of_another_account__is_a_strangers(person: User, override: Override) -> None:
    override(throttle={"passwords_per_account": 1})
    browser = Client()
    assert login(person.username, RIGHT, browser).status_code == 302
    victim = f"eve-{uuid4().hex}"
    assert tries(victim, 1) == [200]
    assert login(victim, "wrong", browser).status_code == 429


def test_login__right_password__gives_the_tries_back(person: User, override: Override) -> None:
    override(throttle={"passwords_per_account": 2})
    for _ in range(3):
        assert tries(person.username, 1) == [200]
        assert login(person.username, RIGHT).status_code == 302


def test_login__many_accounts_from_one_address__are_refused(db: None, override: Override) -> None:
    override(throttle={"passwords_per_address": 2})
    home = address()
    codes = [login(uuid4().hex, "wrong", home=home).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_login__failure__is_logged_without_the_password(person: User) -> None:
    with capture_logs() as logs:
        login(person.username, "hunter2-SECRET")
    assert {"login_refused"} <= {entry["event"] for entry in logs}
    assert "SECRET" not in str(logs)


def test_password_change__old_password_guessed__is_bounded_too(
    person: User, override: Override
) -> None:
    override(throttle={"passwords_per_account": 1})
    client = Client()
    client.force_login(person)
    fields = {"old_password": "wrong", "new_password1": "x", "new_password2": "x", "username": "b"}
    codes = [client.post(reverse("admin:password_change"), fields).status_code for _ in range(2)]
    assert codes == [200, 429]


def test_bounded_login__many_at_once__check_no_more_passwords_than_may(
    override: Override, monkeypatch: pytest.MonkeyPatch
) -> None:
    override(throttle={"max_hashes": 1})
    monkeypatch.setattr(logins, "LONGEST_WAIT", 60)
    at_once, most, release = [0], [0], Event()

    def view(request: object) -> HttpResponse:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        assert release.wait(30)
        at_once[0] -= 1
        return HttpResponse(status=302)

    def refused(request: object, status: int, reason: str) -> HttpResponse:
        return HttpResponse(reason, status=status)

    bounded = bounded_login(view, account_of=lambda _: uuid4().hex, refuse=refused)
    with ThreadPoolExecutor(8) as pool:
        requests = [RequestFactory().post("/", {"username": "a"}) for _ in range(8)]
        waiting = [pool.submit(bounded, request) for request in requests]
        busy = _first_done(waiting, 8 - logins.PLACES_PER_HASH)
        release.set()
        done = [each.result() for each in waiting]
    assert [answer.status_code for answer in busy] == [503] * len(busy)
    assert all(int(answer["Retry-After"]) > 0 for answer in busy)
    assert most == [1]
    assert sorted(answer.status_code for answer in done)[: logins.PLACES_PER_HASH] == [302] * 3


def _first_done(futures: list[Any], number: int) -> list[HttpResponse]:
    from concurrent.futures import as_completed

    done = as_completed(futures)
    return [next(done).result() for _ in range(number)]
