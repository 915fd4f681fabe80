"""Codes of an app: the oracle is RFC 6238, worked out here by hand."""

import hmac
import re
import struct
import time
from base64 import b32decode
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client
from pydantic import SecretStr
from structlog.testing import capture_logs

from drift_detector.tenancy.models import Role, Tenant, User
from tests.drift_detector.tenancy.sign_in.conftest import RIGHT, person_of

LOGIN, SET_UP, CODE, CODES = (
    "/admin/login/", "/admin/login/set-up/", "/admin/login/code/", "/admin/recovery-codes/"
)  # fmt: skip
HOME, CHOICE = "/admin/", "/admin/second-factor/"
OLD, NEW = SecretStr("old-" * 10), SecretStr("new-" * 10)


def totp(secret: str, *, steps: int = 0) -> str:
    counter = struct.pack(">Q", int(time.time()) // 30 + steps)
    digest = hmac.digest(b32decode(secret), counter, "sha1")
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**6:06}"


def log_in(user: User, client: Client | None = None) -> Any:
    client = client or Client()
    return client.post(LOGIN, {"username": user.username, "password": RIGHT})


def key_on(page: Any) -> str:
    found = re.search(r'sign-in-key">([A-Z2-7 ]+)<', page.content.decode())
    assert found
    return found[1].replace(" ", "")


def set_up(user: User, client: Client | None = None, *, steps: int = -1) -> str:
    """Set the second factor up; the code is an old one, so that the next can be used at once."""
    client = client or Client()
    assert log_in(user, client)["Location"] == SET_UP
    secret = key_on(client.get(SET_UP))
    assert client.post(SET_UP, {"code": totp(secret, steps=steps)})["Location"] == CODES
    return secret


def codes_on(page: Any) -> list[str]:
    return re.findall(r"<li><code>(\d{8})</code></li>", page.content.decode())


def is_in(client: Client) -> bool:
    return client.get(HOME).status_code == 200


def test_login__admin_without_a_second_factor__sets_it_up_first(boss: User) -> None:
    client = Client()
    assert log_in(boss, client)["Location"] == SET_UP
    assert not is_in(client)
    assert client.get(CODES).status_code in (302, 404)
    secret = key_on(client.get(SET_UP))
    assert client.post(SET_UP, {"code": "000000"}).status_code == 200
    assert not is_in(client)
    assert client.post(SET_UP, {"code": totp(secret)})["Location"] == CODES
    assert is_in(client)


def test_login__operator__needs_no_second_factor(worker: User) -> None:
    client = Client()
    assert log_in(worker, client)["Location"] == HOME
    assert is_in(client)


@pytest.mark.parametrize(
    ("whose", "target"), [("admins", HOME), ("everyone", SET_UP), ("nobody", HOME)]
)
def test_login__second_factor_setting__says_who(
    worker: User, override: Callable[..., None], whose: str, target: str
) -> None:
    override(sign_in={"second_factor": whose})
    assert log_in(worker)["Location"] == target


def test_login__setting_nobody__does_not_switch_off_what_is_set_up(
    boss: User, override: Callable[..., None]
) -> None:
    set_up(boss)
    override(sign_in={"second_factor": "nobody"})
    assert log_in(boss)["Location"] == CODE


def test_login__with_a_second_factor__needs_its_code(boss: User) -> None:
    secret, client = set_up(boss), Client()
    assert log_in(boss, client)["Location"] == CODE
    assert not is_in(client)
    assert client.post(CODE, {"code": "000000"}).status_code == 200
    assert not is_in(client)
    assert client.post(CODE, {"code": totp(secret)})["Location"] == HOME
    assert is_in(client)


def test_code__used_once__is_no_code_any_more(boss: User) -> None:
    secret = set_up(boss)
    code = totp(secret)
    first, second = Client(), Client()
    for client in (first, second):
        log_in(boss, client)
    assert first.post(CODE, {"code": code}).status_code == 302
    assert second.post(CODE, {"code": code}).status_code == 200
    assert not is_in(second)


def test_code__older_than_the_last__is_refused_in_any_process(boss: User, settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    secret = set_up(boss, steps=0)
    for steps in (0, -1):
        client = Client()
        log_in(boss, client)
        assert client.post(CODE, {"code": totp(secret, steps=steps)}).status_code == 200


def test_code__before_the_password__is_asked_of_no_one(boss: User) -> None:
    secret, client = set_up(boss), Client()
    assert client.get(CODE)["Location"] == LOGIN
    assert client.post(CODE, {"code": totp(secret)})["Location"] == LOGIN
    assert client.post(SET_UP, {"code": "1"})["Location"] == LOGIN


def test_set_up__with_a_second_factor_already__is_no_way_around_it(boss: User) -> None:
    set_up(boss)
    client = Client()
    log_in(boss, client)
    assert client.get(SET_UP)["Location"] == LOGIN
    assert not is_in(client)


def test_codes__guessed__are_bounded_though_the_password_is_right(
    boss: User, override: Callable[..., None]
) -> None:
    secret = set_up(boss)
    override(throttle={"passwords_per_account": 3})
    answers = []
    for _ in range(4):
        client = Client()
        assert log_in(boss, client).status_code == 302  # gives the password's tries back
        answers.append(client.post(CODE, {"code": "000000"}).status_code)
    assert answers == [200, 200, 200, 429]
    refused = client.post(CODE, {"code": totp(secret)})
    assert refused.status_code == 429
    assert "3 codes may be tried for this account" in refused.content.decode()


def test_codes__guessed_between_visits_of_another_step__are_bounded_still(
    boss: User, override: Callable[..., None]
) -> None:
    set_up(boss)
    override(throttle={"passwords_per_account": 3})
    client, answers = Client(), []
    log_in(boss, client)
    for _ in range(4):
        answers.append(client.post(CODE, {"code": "000000"}).status_code)
        client.post(SET_UP, {"code": "000000"})  # redirects, though no code was right
    assert answers[-1] == 429


def test_recovery_codes__shown_once__let_in_once(boss: User) -> None:
    owner = Client()
    set_up(boss, owner)
    codes = codes_on(owner.get(CODES))
    assert len(set(codes)) == 10
    assert codes_on(owner.get(CODES)) == []
    for answer in (302, 200):
        client = Client()
        log_in(boss, client)
        assert client.post(CODE, {"code": codes[3]}).status_code == answer
    assert "9 recovery codes left" in owner.get(CODES).content.decode()


def test_recovery_codes__made_anew__void_the_old_ones(boss: User) -> None:
    owner = Client()
    secret = set_up(boss, owner)
    old = codes_on(owner.get(CODES))
    assert owner.post(CODES, {"code": "000000"}).status_code == 200
    assert owner.post(CODES, {"code": totp(secret)})["Location"] == CODES
    new = codes_on(owner.get(CODES))
    assert len(new) == 10
    assert not set(old) & set(new)
    client = Client()
    log_in(boss, client)
    assert client.post(CODE, {"code": old[0]}).status_code == 200
    assert client.post(CODE, {"code": new[0]}).status_code == 302


def test_recovery_codes__without_a_second_factor__are_not_there(worker: User) -> None:
    client = Client()
    assert client.get(CODES).status_code == 302
    client.force_login(worker)
    assert client.get(CODES).status_code == 404


def test_choice__by_who_need_not__asks_for_the_password_and_is_asked_for_after(
    worker: User,
) -> None:
    client = Client()
    log_in(worker, client)
    secret = key_on(client.get(CHOICE))
    code = totp(secret, steps=-1)
    assert client.post(CHOICE, {"code": code, "password": "wrong"}).status_code == 200
    assert not Authenticator.objects.exists()
    assert client.post(CHOICE, {"code": code, "password": RIGHT})["Location"] == CODES
    assert len(codes_on(client.get(CODES))) == 10
    assert log_in(worker)["Location"] == CODE


def test_choice__with_a_second_factor_already__leads_to_the_codes(boss: User) -> None:
    client = Client()
    set_up(boss, client)
    assert client.get(CHOICE)["Location"] == CODES


def test_choice__guessed_passwords__are_bounded(
    worker: User, override: Callable[..., None]
) -> None:
    override(throttle={"passwords_per_account": 3})
    client = Client()
    client.force_login(worker)
    client.get(CHOICE)
    guess = {"code": "000000", "password": "wrong"}
    assert [client.post(CHOICE, guess).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_choice__without_a_password_of_ours__is_not_there(worker: User) -> None:
    worker.set_unusable_password()
    worker.save()
    client = Client()
    client.force_login(worker)
    assert client.get(CHOICE).status_code == 404
    assert "second-factor" not in client.get(HOME).content.decode()


def test_menu__of_who_has_a_password__leads_to_it_and_to_the_second_factor(worker: User) -> None:
    client = Client()
    client.force_login(worker)
    page = client.get(HOME).content.decode()
    assert f'href="{CHOICE}"' in page
    assert 'href="/admin/password_change/"' in page


def test_menu__of_an_installation_without_a_key__has_no_dead_link(
    worker: User, override: Callable[..., None]
) -> None:
    override(encryption={"key": SecretStr("")})
    client = Client()
    client.force_login(worker)
    assert client.get(CHOICE).status_code == 404
    assert f'href="{CHOICE}"' not in client.get(HOME).content.decode()


def test_secrets__in_the_database_and_the_session__are_encrypted(boss: User) -> None:
    client = Client()
    log_in(boss, client)
    secret = key_on(client.get(SET_UP))
    assert secret not in str(dict(client.session))
    client.post(SET_UP, {"code": totp(secret)})
    assert secret not in str(list(Authenticator.objects.values_list("data")))
    assert secret not in str(dict(client.session))


def test_reencrypt__with_a_new_key__keeps_the_second_factor(
    boss: User, tenant: Tenant, override: Callable[..., None]
) -> None:
    override(encryption={"key": OLD})
    secret = set_up(boss)
    override(encryption={"key": NEW, "old_keys": [OLD]})
    call_command("reencrypt", str(tenant.id), stdout=StringIO())
    override(encryption={"key": NEW, "old_keys": []})
    client = Client()
    log_in(boss, client)
    assert client.post(CODE, {"code": totp(secret)}).status_code == 302


def test_codes__refused__are_not_in_the_log(boss: User) -> None:
    set_up(boss)
    client = Client()
    log_in(boss, client)
    with capture_logs() as logs:
        client.post(CODE, {"code": "918273"})
    assert {"login_refused"} <= {entry["event"] for entry in logs}
    assert "918273" not in str(logs)


def test_reset_second_factor__of_a_person__asks_for_a_new_one(boss: User) -> None:
    set_up(boss)
    call_command("reset_second_factor", boss.username, stdout=StringIO())
    assert log_in(boss)["Location"] == SET_UP
    with pytest.raises(CommandError, match="no second factor"):
        call_command("reset_second_factor", boss.username)
    with pytest.raises(CommandError, match="no person"):
        call_command("reset_second_factor", "nobody-here")


def test_login__without_an_encryption_key__asks_for_no_second_factor(
    tenant: Tenant, override: Callable[..., None]
) -> None:
    override(encryption={"key": SecretStr("")})
    assert log_in(person_of(tenant, Role.ADMIN))["Location"] == HOME
