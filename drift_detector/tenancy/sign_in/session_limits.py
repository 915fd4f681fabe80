"""Ends sessions that are idle for long, or that began long ago."""

import time
from collections.abc import Callable

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY as PERSON
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

log = structlog.get_logger(__name__)

BEGUN, SEEN = "signed_in_at", "seen_at"
EXTEND_SECONDS = 60
"""A session's end is put off once a minute: with each request it would be a write each."""


class SessionLimitsMiddleware:
    """Puts off the end of a session that is used, up to the end of them all.

    The idle limit is the age at which the session's row expires (`SESSION_COOKIE_AGE`), so the database holds it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Requests without a cookie have no session to read, and their answers do not vary by it.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and PERSON in request.session:
            _limit(request)
        return self.get_response(request)


def begin(request: HttpRequest) -> None:
    """Note that a person has signed in now."""
    request.session[BEGUN] = request.session[SEEN] = time.time()


def _limit(request: HttpRequest) -> None:
    now, session = time.time(), request.session
    begun = session.setdefault(BEGUN, now)  # sessions from before there were limits begin now
    if now - begun >= settings.ENV.sign_in.session_seconds:
        session.flush()
        request.user = AnonymousUser()
        log.info("session_ended", reason="it began long ago")
    elif now - session.get(SEEN, 0) >= EXTEND_SECONDS:
        session[SEEN] = now
