"""Tells browsers what a page may do: its scripts, its frames, and whether an answer is kept."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware
from django.utils.csp import CSP, build_policy

PAGE = "text/html"

type Policy = dict[str, list[str]]

NOTHING: Policy = {
    "default-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
"""The policy of answers that are no pages."""

WITHOUT_SCRIPTS: Policy = NOTHING | {"style-src": [CSP.UNSAFE_INLINE]}
"""The policy of a page of plain text, such as a refusal of the front."""

DOCUMENTATION: Policy = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "frame-src": [CSP.SELF],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}
"""The policy of a page that brings no script of its own in the page."""

SITE: Policy = DOCUMENTATION | {"script-src": [CSP.SELF, CSP.UNSAFE_EVAL]}
"""The policy of the admin's pages: Alpine, which the theme is made with, evaluates the attributes of its tags."""


class PagePolicyMiddleware(ContentSecurityPolicyMiddleware):
    """Gives each answer a policy, and forbids that it is kept.

    A view that sets one of the headers by itself keeps its own.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if CSP.HEADER_ENFORCE not in response.headers:
            response["X-Frame-Options"] = "DENY"  # the theme would let its own lists be framed
        if not hasattr(response, "_csp_config"):
            response._csp_config = _policy_of(response)  # type: ignore[attr-defined]
        response.headers.setdefault("Cache-Control", "no-store")
        answered: HttpResponse = super().process_response(request, response)
        return answered


def policy_of_refusals() -> str:
    """The header of the pages that the front makes without Django."""
    return build_policy(WITHOUT_SCRIPTS)


def _policy_of(response: HttpResponse) -> Policy:
    is_page = response.get("Content-Type", "").startswith(PAGE)
    return _site() if is_page else NOTHING


def _site() -> Policy:
    """The policy of the admin's pages; the form of the sign-in leads to the identity provider."""
    if not settings.ENV.oidc.signs_in:
        return SITE
    provider = urlsplit(settings.ENV.oidc.issuer)
    return SITE | {"form-action": [CSP.SELF, f"{provider.scheme}://{provider.netloc}"]}
