"""Sessions end by themselves, and passwords are kept and chosen well."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from drift_detector.tenancy.models import Membership, Role, User
from drift_detector.tenancy.scope import tenant_scope
from drift_detector.tenancy.services import create_tenant
from drift_detector.throttling import logins
from tests.drift_detector.tenancy.sign_in.conftest import RIGHT

LOGIN, HOME, CHANGE = "/admin/login/", "/admin/", "/admin/password_change/"


def log_in(user: User, password: str = RIGHT, client: Client | None = None) -> Client:
    client = client or Client()
    client.post(LOGIN, {"username": user.username, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get(HOME).status_code == 200


def age(client: Client, **changes: float) -> None:
    session = client.session
    session.update(changes)
    session.save()


def test_session__older_than_the_limit__ends(worker: User, override: Callable[..., None]) -> None:
    override(sign_in={"session_seconds": 100})
    client = log_in(worker)
    age(client, signed_in_at=time.time() - 95, seen_at=time.time())
    assert is_in(client)
    age(client, signed_in_at=time.time() - 101)
    assert not is_in(client)
    assert not Session.objects.filter(pk=client.session.session_key or "").exists()


def test_session__used__is_put_off_once_a_minute(worker: User) -> None:
    client = log_in(worker)
    key = client.session.session_key
    soon = timezone.now() + timedelta(seconds=50)
    Session.objects.filter(pk=key).update(expire_date=soon)
    assert is_in(client)
    assert Session.objects.get(pk=key).expire_date == soon
    age(client, seen_at=time.time() - 61)
    Session.objects.filter(pk=key).update(expire_date=soon)
    assert is_in(client)
    left = Session.objects.get(pk=key).expire_date - timezone.now()
    assert timedelta(hours=7, minutes=59) < left <= timedelta(hours=8)


def test_session__idle_for_long__is_gone(worker: User) -> None:
    client = log_in(worker)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert not is_in(client)


def test_session__from_before_the_limits__goes_on_and_begins_now(worker: User) -> None:
    client = Client()
    client.force_login(worker)
    assert is_in(client)
    assert time.time() - client.session["signed_in_at"] < 60


def test_session__at_sign_in__has_another_key(worker: User) -> None:
    client = Client()
    client.get(LOGIN)
    session = client.session
    session["planted"] = "x"
    session.save()
    client.cookies["sessionid"] = session.session_key or ""
    log_in(worker, client=client)
    assert client.session.session_key != session.session_key
    assert not Session.objects.filter(pk=session.session_key).exists()


def test_password__changed__ends_the_other_sessions(worker: User) -> None:
    here, there = log_in(worker), log_in(worker)
    new = "a much longer secret 7"
    fields = {"old_password": RIGHT, "new_password1": new, "new_password2": new}
    assert here.post(CHANGE, fields).status_code == 302
    assert (is_in(here), is_in(there)) == (True, False)


@pytest.mark.parametrize("new", ["fourteen chars", "1q2w3e4r5t6y7u8i9o0p", "123456789987654321"])
def test_password__short_or_common__is_refused(worker: User, new: str) -> None:
    client = log_in(worker)
    fields = {"old_password": RIGHT, "new_password1": new, "new_password2": new}
    assert client.post(CHANGE, fields).status_code == 200
    worker.refresh_from_db()
    assert worker.check_password(RIGHT)


def test_password__kept__is_argon2id_with_46_mib(slow_passwords: None, worker: User) -> None:
    algorithm, _, hashed = worker.password.partition("$")
    found = extract_parameters(f"${hashed}")
    assert algorithm == "argon2"
    assert (found.type.name, found.memory_cost, found.time_cost) == ("ID", 46 * 1024, 2)
    assert PasswordHasher().verify(f"${hashed}", RIGHT)


def test_password__hashed_by_an_older_version__lets_in_and_is_hashed_anew(worker: User) -> None:
    worker.password = PBKDF2PasswordHasher().encode(RIGHT, "salt" * 6)
    worker.save()
    assert not is_in(log_in(worker, "wrong"))
    assert is_in(log_in(worker))
    worker.refresh_from_db()
    assert worker.password.startswith("argon2$argon2id$")


def test_login__wrong_name_and_wrong_password__take_as_long(
    worker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "LEAST_SECONDS", 4.0)
    taken = []
    for name in (worker.username, "no-such-person"):
        begun = time.monotonic()
        Client().post(LOGIN, {"username": name, "password": "wrong"})
        taken.append(time.monotonic() - begun)
    assert min(taken) >= 4.0


def test_logout__by_get__changes_nothing(worker: User) -> None:
    client = log_in(worker)
    assert client.get("/admin/logout/").status_code == 405
    assert is_in(client)
    client.post("/admin/logout/")
    assert not is_in(client)


@pytest.mark.parametrize(
    "wished", ["https://evil.example.com/", "//evil.example.com", "/\\evil.example.com"]
)
def test_login__next_of_another_host__leads_home(worker: User, wished: str) -> None:
    form = {"username": worker.username, "password": RIGHT, "next": wished}
    assert Client().post(f"{LOGIN}?next={wished}", form)["Location"] == HOME


def test_login__without_the_token_of_the_form__is_refused(worker: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    form: dict[str, Any] = {"username": worker.username, "password": RIGHT}
    assert strict.post(LOGIN, form).status_code == 403
    assert not is_in(strict)


def test_login__person_without_a_tenant__gets_no_page(db: None) -> None:
    create_tenant(slug="acme", name="Acme")
    loner = User.objects.create_user("loner", password=RIGHT, is_staff=True)
    assert not is_in(log_in(loner))


def test_session__picked_tenant_lost__shows_nothing_of_it(worker: User) -> None:
    client = log_in(worker)
    assert is_in(client)
    other = create_tenant(slug="other", name="Other")
    with tenant_scope(other.id):
        Membership.objects.create(tenant=other, user=worker, role=Role.VIEWER)
    age_of = client.session
    age_of["tenant_id"] = str(other.id)
    age_of.save()
    assert "Other" in client.get(HOME).content.decode()
