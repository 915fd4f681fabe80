"""Bounds logins: passwords and codes tried for an account and from an address, and passwords checked at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from threading import BoundedSemaphore
from typing import Any, Literal
from unicodedata import normalize

import structlog
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from drift_detector.observability.metrics import count_refused_sign_in, count_throttled
from drift_detector.throttling.addresses import client_address
from drift_detector.throttling.counters import counters
from drift_detector.throttling.policies import Charge, Policy, Standing
from drift_detector.throttling.request_throttle import digest_of, rate_headers

log = structlog.get_logger(__name__)

type View = Callable[..., HttpResponse]
type Refusal = Callable[[HttpRequest, int, str], HttpResponse]

WINDOW = 15 * 60
BROWSER_COOKIE = "known_browser"
BROWSER_SECONDS = 90 * 24 * 3600
PLACES_PER_HASH = 3
"""One that is checked and two that wait: more would hold the threads that answer other requests."""
LONGEST_WAIT = 2.0
BUSY_SECONDS = 2


LEAST_SECONDS = 0.5
"""A wrong name is answered as late as a wrong password, of an older kind of hash too: nothing shows which it was."""


@dataclass(frozen=True, slots=True)
class Secret:
    """The kind of secret that is tried at a login.

    Attributes:
        kind: The name by which refusals are counted.
        plural: The word of the sentence that refuses more.
        account: The name of the account's limit, apart from those of other secrets: the right password must not give
            tries of a code back.
        address: The name of the address's limit.
    """

    kind: Literal["password", "code"]
    plural: str
    account: str
    address: str


PASSWORD = Secret("password", "passwords", "account", "login-address")
CODE = Secret("code", "codes", "account-codes", "code-address")


class Busy(Exception):
    """As many passwords are checked as may be at once."""


def bounded_login(
    view: View,
    *,
    account_of: Callable[[HttpRequest], str],
    refuse: Refusal,
    secret: Secret = PASSWORD,
) -> View:
    """Wrap a view that takes a password, or a code of the second factor.

    A try is counted before the password is checked, so that many at once are no more than their limit. The right
    password gives the account its tries back, and the browser a cookie: with it, the account's tries are counted apart
    from those of strangers, who could otherwise lock the account's owner out (OWASP: device cookies).

    Args:
        view: Answers with a redirect once the secret was right; a right code signs the person in, too.
        account_of: Returns the name of the account whose password is tried.
        refuse: Makes the page of a status and a sentence.
        secret: What the view takes.
    """

    @wraps(view)
    def bounded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        try:
            with _place():
                return counted(request, *args, **kwargs)
        except Busy:
            return _busy(request, refuse)

    def counted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        account = account_of(request)
        charges = _charges(request, account, secret)
        has_room, standings = counters().count(charges)
        if not has_room:
            return _with_headers(refuse(request, 429, _sentence(standings, secret)), standings)
        with _turn():
            begun = time.monotonic()
            response = view(request, *args, **kwargs)
        if response.status_code != 302:
            time.sleep(max(0.0, begun + LEAST_SECONDS - time.monotonic()))
        return _settled(request, response, account, charges, secret)

    return bounded


def _settled(
    request: HttpRequest,
    response: HttpResponse,
    account: str,
    charges: list[Charge],
    secret: Secret,
) -> HttpResponse:
    if response.status_code != 302:
        count_refused_sign_in(secret.kind)
        address = client_address(request)
        log.warning("login_refused", secret=secret.kind, account=account[:40], address=address)
        return response
    if secret is CODE and not request.user.is_authenticated:
        return response  # to the page of another step: no code was looked at
    counters().forget(charges[:1])
    if secret is PASSWORD:
        _remember_browser(response, account)
    return response


def account_to_sign_in(request: HttpRequest) -> str:
    """The name that a login is for, the same for all spellings that Django's form makes one name of."""
    return normalize("NFKC", request.POST.get("username", "")).strip().casefold()


def account_signed_in(request: HttpRequest) -> str:
    """The name of the account that is signed in."""
    return normalize("NFKC", request.user.get_username()).casefold()


def _charges(request: HttpRequest, account: str, secret: Secret) -> list[Charge]:
    """The account's limit first; of passwords, with a cookie of the account, of this browser."""
    limits = settings.ENV.throttle
    of_account = Policy(secret.account, limits.passwords_per_account, WINDOW)
    if secret is PASSWORD and (cookie := _cookie_of(request, account)):
        return [Charge(of_account, digest_of(f"{account}\n{cookie}"))]
    of_address = Policy(secret.address, limits.passwords_per_address, WINDOW)
    return [
        Charge(of_account, digest_of(account)),
        Charge(of_address, client_address(request)),
    ]


def _cookie_of(request: HttpRequest, account: str) -> str:
    """The browser's cookie, if it is ours and of this account; empty without one."""
    cookie = request.COOKIES.get(BROWSER_COOKIE, "")
    try:
        known = _signer().unsign(cookie, max_age=BROWSER_SECONDS)
    except signing.BadSignature:
        return ""
    return cookie if known == digest_of(account) else ""


def _remember_browser(response: HttpResponse, account: str) -> None:
    response.set_cookie(
        BROWSER_COOKIE,
        _signer().sign(digest_of(account)),
        max_age=BROWSER_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=BROWSER_COOKIE)


@contextmanager
def _place() -> Iterator[None]:
    """Hold one of the places of the process for passwords: those that are checked, and those that wait for it.

    Raises:
        Busy: If all are taken; the try is not counted.
    """
    places, _ = _semaphores(settings.ENV.throttle.max_hashes)
    if not places.acquire(blocking=False):
        raise Busy
    try:
        yield
    finally:
        places.release()


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for the turn to check a password.

    Raises:
        Busy: If it does not come soon.
    """
    _, hashes = _semaphores(settings.ENV.throttle.max_hashes)
    if not hashes.acquire(timeout=LONGEST_WAIT):
        raise Busy
    try:
        yield
    finally:
        hashes.release()


@lru_cache(maxsize=8)
def _semaphores(most: int) -> tuple[BoundedSemaphore, BoundedSemaphore]:
    return BoundedSemaphore(PLACES_PER_HASH * most), BoundedSemaphore(most)


def _busy(request: HttpRequest, refuse: Refusal) -> HttpResponse:
    count_throttled("hashing")
    sentence = f"Many people sign in at this moment; try again in {BUSY_SECONDS} seconds."
    response = refuse(request, 503, sentence)
    response["Retry-After"] = str(BUSY_SECONDS)
    return response


def _sentence(standings: list[Standing], secret: Secret) -> str:
    tightest = max(standings, key=lambda each: each.retry_after)
    policy, wait = tightest.policy, tightest.retry_after
    whom = "for this account" if policy.name == secret.account else "from this address"
    count_throttled(policy.name)
    log.warning("logins_throttled", policy=policy.name, seconds=wait)
    return (
        f"{policy.quota} {secret.plural} may be tried {whom} in {policy.window // 60} minutes; "
        f"the next one in {wait} seconds."
    )


def _with_headers(response: HttpResponse, standings: list[Standing]) -> HttpResponse:
    for name, value in rate_headers(standings).items():
        response[name] = value
    response["Retry-After"] = str(max(each.retry_after for each in standings))
    return response
