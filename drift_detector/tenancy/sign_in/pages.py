"""The pages of a sign-in after the password, and its way over the provider."""

import secrets
from typing import Any

from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.stagekit import unstash_login
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.totp.internal.auth import generate_totp_secret
from allauth.socialaccount.adapter import get_adapter as get_provider_adapter
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET, require_POST

from drift_detector import encryption
from drift_detector.tenancy.models import User
from drift_detector.tenancy.sign_in.provider import SignInAdapter
from drift_detector.tenancy.sign_in.second_factor import (
    ChoiceForm,
    CodeForm,
    SetUpForm,
    SetUpStage,
    has_one,
    make_recovery_codes,
    may_choose,
    recovery_codes_of,
    set_up,
)
from drift_detector.tenancy.site import error_page, refusal_page, site
from drift_detector.throttling.logins import CODE, account_signed_in, bounded_login

SECRET = "second_factor_secret"  # noqa: S105 - the name of a field of the session
NEW_CODES = "recovery_codes_are_new"
AWAY = "The identity provider does not answer. Try it again in a minute."


@never_cache
@csrf_protect
def code_page(request: HttpRequest) -> HttpResponse:
    """Ask for a code of the second factor, after the right password."""
    context = {**site.dress(request), "title": "Second factor"}
    view = AuthenticateView.as_view(template_name="sign_in/code.html", extra_context=context)
    bounded = bounded_login(view, account_of=_account_pending, refuse=refusal_page, secret=CODE)
    return bounded(request)


@never_cache
@csrf_protect
def set_up_page(request: HttpRequest) -> HttpResponse:
    """Set up the second factor, between the right password and the session."""
    bounded = bounded_login(_set_up, account_of=_account_pending, refuse=refusal_page, secret=CODE)
    return bounded(request)


@login_stage_required(stage=SetUpStage.key, redirect_urlname="account_login")
def _set_up(request: HttpRequest) -> HttpResponse:
    stage: SetUpStage = request._login_stage  # type: ignore[attr-defined]
    user, secret = stage.login.user, _pending_secret(request)
    assert isinstance(user, User)
    if has_one(user):  # another tab was faster
        return HttpResponseRedirect(reverse("account_login"))
    form = SetUpForm(request.POST or None, secret=secret)
    if request.method == "POST" and form.is_valid():
        set_up(user, secret=secret, code=form.cleaned_data["code"])
        del request.session[SECRET]
        request.session[NEW_CODES] = True
        stage.login.redirect_url = reverse("recovery_codes")
        response: HttpResponse = stage.exit()
        return response
    return TemplateResponse(request, "sign_in/set_up.html", _set_up_context(request, user, form))


def _set_up_context(request: HttpRequest, user: User, form: SetUpForm) -> dict[str, Any]:
    adapter = get_adapter()
    picture = adapter.build_totp_svg(adapter.build_totp_url(user, form.secret))
    return {
        **site.dress(request),
        "title": "Set up a second factor",
        "subtitle": "Before your first session:",
        "form": form,
        "picture": mark_safe(picture.partition("?>")[2]),  # noqa: S308 - the library's own SVG
        "secret": " ".join(form.secret[n : n + 4] for n in range(0, len(form.secret), 4)),
    }


@never_cache
@csrf_protect
def choice_page(request: HttpRequest) -> HttpResponse:
    """Set up a second factor by choice, in a session; who has one finds the recovery codes."""
    user = request.user
    if not isinstance(user, User) or not (has_one(user) or may_choose(user)):
        raise Http404
    if has_one(user):
        return HttpResponseRedirect(reverse("recovery_codes"))
    bounded = bounded_login(_choose, account_of=account_signed_in, refuse=refusal_page)
    return bounded(request)


def _choose(request: HttpRequest) -> HttpResponse:
    user, secret = request.user, _pending_secret(request)
    assert isinstance(user, User)
    form = ChoiceForm(request.POST or None, secret=secret, user=user)
    if request.method == "POST" and form.is_valid():
        set_up(user, secret=secret, code=form.cleaned_data["code"])
        del request.session[SECRET]
        request.session[NEW_CODES] = True
        return HttpResponseRedirect(reverse("recovery_codes"))
    context = _set_up_context(request, user, form) | {"subtitle": "From your next sign-in on:"}
    return TemplateResponse(request, "sign_in/set_up.html", context)


@never_cache
@csrf_protect
def codes_page(request: HttpRequest) -> HttpResponse:
    """Show recovery codes once, when they are made; make new ones for a code of the app."""
    if not isinstance(request.user, User) or not has_one(request.user):
        raise Http404
    bounded = bounded_login(_codes, account_of=account_signed_in, refuse=refusal_page, secret=CODE)
    return bounded(request)


def _codes(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    form = CodeForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        make_recovery_codes(user)
        request.session[NEW_CODES] = True
        return HttpResponseRedirect(reverse("recovery_codes"))
    are_new = request.method == "GET" and request.session.pop(NEW_CODES, False)
    codes = recovery_codes_of(user)
    context = {
        **site.dress(request),
        "title": "Recovery codes",
        "form": form,
        "codes": codes if are_new else [],
        "left": len(codes),
    }
    return TemplateResponse(request, "sign_in/recovery_codes.html", context)


@never_cache
@require_POST
@csrf_protect
def provider_page(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider, with a state, a nonce and a challenge (PKCE)."""
    issuer, nonce = _issuer(), secrets.token_urlsafe(24)
    provider = get_provider_adapter().get_provider(request, provider=issuer)
    provider.oauth2_adapter_class = SignInAdapter
    try:
        response: HttpResponse = provider.redirect(
            request,
            process=AuthProcess.LOGIN,
            next_url=_next(request),
            auth_params={"nonce": nonce},
            nonce=nonce,
        )
    except OAuth2Error:
        return error_page(request, 503, AWAY, back=reverse("account_login"))
    return response


@never_cache
@require_GET
def callback_page(request: HttpRequest) -> HttpResponse:
    """The browser comes back from the provider."""
    view = OAuth2CallbackView.adapter_view(SignInAdapter(request, _issuer()))
    try:
        response: HttpResponse = view(request)
    except OAuth2Error:
        return error_page(request, 503, AWAY, back=reverse("account_login"))
    return response


def _issuer() -> str:
    oidc = settings.ENV.oidc
    if not oidc.signs_in:
        raise Http404
    issuer: str = oidc.issuer
    return issuer


def _next(request: HttpRequest) -> str:
    wished = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        wished, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wished if is_ours else reverse("admin:index")


def _account_pending(request: HttpRequest) -> str:
    """The account whose password was right."""
    login = unstash_login(request, peek=True)
    return login.user.get_username().casefold() if login and login.user else ""


def _pending_secret(request: HttpRequest) -> str:
    """The secret that the person is about to set up; the session keeps it encrypted."""
    if SECRET not in request.session:
        request.session[SECRET] = encryption.encrypt(generate_totp_secret())
    return encryption.decrypt(request.session[SECRET])
