"""Keeps the keys of the OpenID provider in the memory of a process."""

import time
from collections.abc import Callable
from functools import lru_cache
from threading import Lock

import structlog
from joserfc.jwk import KeySet

from drift_detector.tenancy.oidc.discovery import SECONDS, ProviderAway, read_keys

log = structlog.get_logger(__name__)

REST_SECONDS = 30.0
"""Between two questions to the provider, whatever tokens say: made-up key ids cannot make us hammer it."""


class ProviderKeys:
    """The keys of one issuer: fetched again when they are old, and when a token names one that is new.

    One thread fetches, the others go on with the keys that are there. A provider that is away leaves its keys in use
    for a time.
    """

    def __init__(
        self,
        issuer: str,
        *,
        seconds: float,
        seconds_away: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the keys of an issuer.

        Args:
            issuer: The issuer.
            seconds: The age at which they are fetched again.
            seconds_away: How much longer they are used while the provider is away.
            clock: The seconds of a clock that never goes back.
        """
        self._issuer, self._clock = issuer, clock
        self._old_at, self._useless_at = seconds, seconds + seconds_away
        self._lock = Lock()
        self._keys: KeySet | None = None
        self._read_at = self._asked_at = float("-inf")

    def for_kid(self, kid: object) -> KeySet:
        """The keys, with the one that a token names if the provider has it.

        Raises:
            ProviderAway: If there are none, or only ones that are too old.
        """
        if self._age() >= self._old_at or not self._has(kid):
            self._refresh()
        if self._keys is None:
            raise ProviderAway("it has not answered yet")
        if self._age() >= self._useless_at:
            raise ProviderAway("its keys are too old")
        return self._keys

    def _age(self) -> float:
        return self._clock() - self._read_at

    def _has(self, kid: object) -> bool:
        keys = self._keys or ()
        return kid is None or any(each.kid == kid for each in keys)

    def _refresh(self) -> None:
        # Without keys there is nothing to go on with, so a request waits for the thread that fetches.
        patience = 2 * SECONDS if self._keys is None else 0
        if not self._lock.acquire(timeout=patience):
            return
        try:
            if self._clock() - self._asked_at >= REST_SECONDS:
                self._ask()
        finally:
            self._lock.release()

    def _ask(self) -> None:
        self._asked_at = self._clock()
        try:
            self._keys = read_keys(self._issuer)
            self._read_at = self._clock()
            log.info("oidc_keys_read", kids=[str(each.kid)[:60] for each in self._keys])
        except ProviderAway as error:
            log.warning("oidc_provider_away", reason=str(error))


@lru_cache(maxsize=4)
def provider_keys(issuer: str, seconds: float, seconds_away: float) -> ProviderKeys:
    """The keys of an issuer that all threads of this process share."""
    return ProviderKeys(issuer, seconds=seconds, seconds_away=seconds_away)
