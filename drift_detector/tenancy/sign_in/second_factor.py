"""The second factor: codes of an app (TOTP, RFC 6238), and codes for the day on which the phone is lost."""

from typing import Any

from allauth.account.models import Login
from allauth.account.stages import LoginStage
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    validate_totp_code,
    yield_hotp_counters_from_time,
)
from django import forms
from django.conf import settings
from django.db import transaction
from django.http import HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from drift_detector import encryption
from drift_detector.tenancy.acting import recorded_for_person, recorded_transaction
from drift_detector.tenancy.models import Role, User
from drift_detector.tenancy.selection import memberships_of

LAST = "last_counter"
"""Of a TOTP's data: the time step of the last code that was right (RFC 6238, section 5.2: each is right once)."""
TYPED = {
    "autocomplete": "one-time-code",
    "inputmode": "numeric",
    "autofocus": True,
    "maxlength": 20,
}


class SecondFactorAdapter(DefaultMFAAdapter):
    """Keeps the secrets as the other secrets of the database are kept."""

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(encrypted_text)

    def get_totp_label(self, user: Any) -> str:
        return str(user.get_username())

    def get_totp_issuer(self) -> str:
        return "Drift detector"


class SetUpStage(LoginStage):
    """Before an admin's first session, the second factor is set up."""

    key = "second_factor_set_up"
    urlname = "second_factor_set_up"

    def handle(self) -> tuple[HttpResponseBase | None, bool]:
        if not is_owed(self.login):
            return None, True
        return HttpResponseRedirect(reverse(self.urlname)), True


def is_owed(login: Login) -> bool:
    """True if a sign-in by password lacks a second factor that the person must have."""
    assert isinstance(login.user, User)
    is_of_provider = bool(login.signal_kwargs and "sociallogin" in login.signal_kwargs)
    return not is_of_provider and _must_have(login.user) and not has_one(login.user)


def has_one(user: User) -> bool:
    """True if the person has set up an app."""
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


def _must_have(user: User) -> bool:
    whose = settings.ENV.sign_in.second_factor
    if whose == "nobody" or not encryption.has_key():
        return False
    return whose == "everyone" or any(each.role == Role.ADMIN for each in memberships_of(user))


class CodeForm(AuthenticateForm):
    """A code of the app, or a recovery code; each is right once."""

    code = forms.CharField(label="Code", widget=UnfoldAdminTextInputWidget(attrs=TYPED))

    def clean_code(self) -> str:
        with transaction.atomic():
            # Two requests with one code stand in line here.
            list(Authenticator.objects.select_for_update().filter(user=self.user))
            code: str = super().clean_code()
            if self.authenticator.type == Authenticator.Type.TOTP:
                _use_up(self.authenticator, code)
        return code


class SetUpForm(forms.Form):
    """The first code of an app."""

    code = forms.CharField(label="Code", widget=UnfoldAdminTextInputWidget(attrs=TYPED))

    def __init__(self, *args: Any, secret: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.secret = secret

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not validate_totp_code(self.secret, code):
            raise get_adapter().validation_error("incorrect_code")
        return code


class ChoiceForm(SetUpForm):
    """The first code of an app, of a person who is signed in: the password is asked for, too."""

    password = forms.CharField(
        label="Password",
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["password", "code"]

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password


def may_choose(user: User) -> bool:
    """True if the person signs in by password, and the installation can keep a second factor."""
    return user.has_usable_password() and encryption.has_key()


def set_up(user: User, *, secret: str, code: str) -> None:
    """Keep the secret of a person's app, and recovery codes; the code that proved it is used up."""
    with recorded_for_person(user):
        _use_up(TOTP.activate(user, secret).instance, code)
        make_recovery_codes(user)


def make_recovery_codes(user: User) -> None:
    """Replace the recovery codes of a person."""
    with recorded_for_person(user):
        Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
        RecoveryCodes.activate(user)


def recovery_codes_of(user: User) -> list[str]:
    """The recovery codes that a person has not used."""
    found = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return found.wrap().get_unused_codes() if found else []


def remove(user: User) -> int:
    """Remove the second factor of a person, who has lost it; returns the number of what was removed."""
    with recorded_transaction():
        return Authenticator.objects.filter(user=user).delete()[0]


@transaction.atomic
def encrypt_again() -> int:
    """Encrypt the secrets of all people by the newest key; returns their number."""
    found = list(Authenticator.objects.select_for_update())
    for each in found:
        for name in {"secret", "seed"} & each.data.keys():
            each.data[name] = encryption.encrypt_again(each.data[name])
        each.save(update_fields=["data"])
    return len(found)


def _use_up(authenticator: Authenticator, code: str) -> None:
    """Note the time step of a code.

    Raises:
        ValidationError: If it, or a later one, was used before.
    """
    secret = get_adapter().decrypt(authenticator.data["secret"])
    steps = [
        each
        for each in yield_hotp_counters_from_time()
        if format_hotp_value(hotp_value(secret, each)) == code.replace(" ", "")
    ]
    if not steps or max(steps) <= authenticator.data.get(LAST, 0):
        raise get_adapter().validation_error("incorrect_code")
    authenticator.data[LAST] = max(steps)
    authenticator.save(update_fields=["data"])
