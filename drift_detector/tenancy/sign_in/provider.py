"""Signs in people by the OpenID provider: allauth's flow, with our checks of what the provider says."""

from typing import Any, NoReturn

import requests
import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from drift_detector.observability.metrics import count_refused_sign_in
from drift_detector.setting_groups.door_settings import Oidc
from drift_detector.tenancy.models import User
from drift_detector.tenancy.oidc.discovery import ProviderAway, check_address, read_configuration
from drift_detector.tenancy.oidc.grants import groups_of, roles_of
from drift_detector.tenancy.oidc.signing_keys import provider_keys
from drift_detector.tenancy.oidc.tokens import Claims, TokenRefused, checked_claims
from drift_detector.tenancy.sign_in.members import free_username, sync_memberships
from drift_detector.tenancy.site import error_page
from drift_detector.throttling.addresses import client_address

log = structlog.get_logger(__name__)

PROVIDER = "openid_connect"
SECONDS = 5
LOGIN = "/admin/login/"
LONGEST_SUBJECT = 191
"""Characters of `sub`, as the table of allauth has room for them."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint")
NO_ROLE = (
    "You are signed in at the identity provider, but none of your groups has a role here. "
    "Ask the people who run this service."
)


class NotSignedIn(OAuth2Error):
    """The provider's answer is not one that signs in; the message is for the log, and has nothing of the answer."""


class SignInAdapter(OpenIDConnectOAuth2Adapter):
    """The provider of the settings; its answers are checked as its tokens for the API are."""

    @property
    def openid_config(self) -> dict[str, Any]:
        if not hasattr(self, "_openid_config"):
            self._openid_config = _configuration(self.provider_id)
        return self._openid_config

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("provider_callback"))

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            found = super().get_access_token_data(*args, **kwargs)
            self.parse_token(found)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise NotSignedIn("the provider's answer is odd") from None
        return dict(found)

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any
    ) -> SocialLogin:
        claims = _id_claims(kwargs["response"].get("id_token"), settings.ENV.oidc)
        if not groups_of(claims, settings.ENV.oidc) and "userinfo_endpoint" in self.openid_config:
            claims = self._with_userinfo(claims, token.token)
        login: SocialLogin = self.get_provider().sociallogin_from_response(
            request, {"id_token": claims}
        )
        # Nothing of what the provider says of a person is kept but their subject and their name.
        login.account.extra_data, login.email_addresses = {}, []
        request.provider_claims = claims  # type: ignore[attr-defined]
        return login

    def _with_userinfo(self, claims: Claims, token: str) -> Claims:
        found = self._fetch_user_info(token)
        if not isinstance(found, dict) or found.get("sub") != claims["sub"]:
            raise NotSignedIn("the userinfo is of another subject")
        return found | claims


class ProviderAccounts(DefaultSocialAccountAdapter):
    """People of the provider: known by issuer and subject, and by nothing else."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The one client that the settings name; the database has none."""
        oidc: Oidc = settings.ENV.oidc
        if not oidc.signs_in or provider not in (None, PROVIDER, oidc.issuer):
            return []
        return [
            SocialApp(
                provider=PROVIDER,
                provider_id=oidc.issuer,
                name=oidc.name,
                client_id=oidc.client_id,
                secret=oidc.client_secret.get_secret_value(),
                settings={
                    "server_url": oidc.issuer,
                    "oauth_pkce_enabled": True,
                    "scope": oidc.scopes,
                },
            )
        ]

    def get_requests_session(self) -> requests.Session:
        session = _BoundedSession()
        session.trust_env = False
        return session

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """True: `pre_social_login` has let through only those with a role."""
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Check the answer against the question, and the person's roles.

        Raises:
            ImmediateHttpResponse: With the page that says why there is no sign-in.
        """
        claims: Claims = request.provider_claims  # type: ignore[attr-defined]
        _check_question(request, sociallogin, claims)
        roles = roles_of(claims, settings.ENV.oidc)
        if sociallogin.is_existing:
            assert isinstance(sociallogin.user, User)
            has_role = bool(sync_memberships(sociallogin.user, roles))
        else:
            has_role = bool(roles)
        if not has_role:
            _refuse(request, 403, "no role", NO_ROLE)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """Make a person at their first sign-in."""
        user, claims = sociallogin.user, request.provider_claims  # type: ignore[attr-defined]
        assert isinstance(user, User)
        user.username = free_username(str(claims.get("preferred_username") or claims["sub"]))
        user.email, user.is_staff = "", True
        super().save_user(request, sociallogin, form)
        if not sync_memberships(user, roles_of(claims, settings.ENV.oidc)):
            user.delete()
            _refuse(request, 403, "no tenant", NO_ROLE)
        log.info("person_made", user_id=user.pk, by="provider")
        return user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Any = None,
        extra_context: Any = None,
    ) -> NoReturn:
        """Show why; of what came, only the sort of the failure is logged."""
        # Messages of the library can hold the answer of the provider, and so a token.
        is_ours = isinstance(exception, NotSignedIn)
        _refuse(
            request,
            401,
            str(exception) if is_ours else type(exception).__name__,
            "The sign-in at the identity provider was not completed. Try it again.",
        )


class _BoundedSession(requests.Session):
    """Asks the provider only, and not for long."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs |= {"timeout": SECONDS, "allow_redirects": False}
        response = super().request(*args, **kwargs)
        if response.is_redirect:
            raise requests.TooManyRedirects("the provider leads elsewhere")
        return response


def _configuration(issuer: str) -> dict[str, Any]:
    try:
        found = read_configuration(issuer)
        for name in ENDPOINTS:
            check_address(str(found.get(name, "")))
        if "userinfo_endpoint" in found:
            check_address(str(found["userinfo_endpoint"]))
    except ProviderAway as error:
        raise NotSignedIn(str(error)) from None
    return found


def _id_claims(token: object, oidc: Oidc) -> Claims:
    """The claims of the ID token: its signature is checked though it came over TLS."""
    if not isinstance(token, str):
        raise NotSignedIn("there is no ID token")
    keys = provider_keys(oidc.issuer, oidc.keys_seconds, oidc.keys_seconds_away)
    try:
        claims = checked_claims(token, oidc=oidc, audience=oidc.client_id, keys_for=keys.for_kid)
    except (TokenRefused, ProviderAway) as error:
        raise NotSignedIn(str(error)) from None
    if len(claims["sub"]) > LONGEST_SUBJECT:
        raise NotSignedIn("the subject is too long")
    if claims.get("azp", oidc.client_id) != oidc.client_id:
        raise NotSignedIn("the ID token is for another client")
    return claims


def _check_question(request: HttpRequest, login: SocialLogin, claims: Claims) -> None:
    nonce = login.state.get("nonce", "")
    is_answer = nonce and constant_time_compare(str(claims.get("nonce", "")), nonce)
    if not is_answer:
        _refuse(request, 401, "nonce", "The sign-in was begun elsewhere. Begin it here again.")


def _refuse(request: HttpRequest, status: int, reason: str, sentence: str) -> NoReturn:
    count_refused_sign_in("provider")
    log.warning("provider_sign_in_refused", reason=reason, address=client_address(request))
    raise ImmediateHttpResponse(error_page(request, status, sentence, back=LOGIN))
