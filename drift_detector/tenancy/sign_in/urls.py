"""The addresses of a sign-in, by the names that allauth knows; its other pages have none."""

from django.urls import path

from drift_detector.tenancy.sign_in import pages
from drift_detector.tenancy.site import site

urlpatterns = [
    path("login/", site.login, name="account_login"),
    path("login/code/", pages.code_page, name="mfa_authenticate"),
    path("login/set-up/", pages.set_up_page, name="second_factor_set_up"),
    path("login/provider/", pages.provider_page, name="provider_sign_in"),
    path("login/provider/callback/", pages.callback_page, name="provider_callback"),
    path("second-factor/", site.admin_view(pages.choice_page), name="second_factor"),
    path("recovery-codes/", site.admin_view(pages.codes_page), name="recovery_codes"),
]
