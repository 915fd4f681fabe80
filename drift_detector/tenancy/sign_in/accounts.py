"""Says to allauth what holds for every sign-in."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from drift_detector.tenancy.sign_in import session_limits
from drift_detector.tenancy.site import error_page


class AccountAdapter(DefaultAccountAdapter):
    """No one signs up, and a sign-in has its steps."""

    def get_login_stages(self) -> list[str]:
        """The steps between a right password, or the provider's word, and a session."""
        return [
            "allauth.mfa.stages.AuthenticateStage",
            "drift_detector.tenancy.sign_in.second_factor.SetUpStage",
        ]

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        super().login(request, user)
        session_limits.begin(request)

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """No page says that what a person did was done."""

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        return error_page(request, 403, "This account is closed.", back="/admin/login/")
