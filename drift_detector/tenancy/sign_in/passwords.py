"""Signs in people by their password; what follows is the same for all ways to sign in."""

from typing import Any

from allauth.account.utils import perform_login
from django.contrib.auth.views import LoginView
from django.http import HttpResponse


class PasswordView(LoginView):
    """The form of name and password. A right password begins a sign-in; a second factor may have to follow."""

    template_name = "sign_in/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = perform_login(
            self.request,
            form.get_user(),
            email_verification="none",
            redirect_url=self.get_success_url(),
        )
        return response
