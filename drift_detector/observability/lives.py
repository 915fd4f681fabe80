"""Signs of life of all processes, in Valkey, for the heartbeat address alone.

Each process says with its rounds that it lives, and for how long that holds. A process that hangs or has
died says nothing more, and so is not among the living when that time is over.
"""

import os
import socket
from time import monotonic

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

PREFIX = "drift.alive"
SAY_EVERY_SECONDS = 15.0
VALKEY_SECONDS = 1.0

_said: dict[str, float] = {}


def say_alive(process: str, *, seconds: float) -> None:
    """Say that a process lives; only if there is a heartbeat address, and not with each round.

    Args:
        process: The name of the process.
        seconds: How long that holds.
    """
    if settings.ENV.heartbeat.url is None:
        return
    last = _said.get(process)
    if last is not None and monotonic() - last < SAY_EVERY_SECONDS:
        return
    _said[process] = monotonic()
    name = f"{PREFIX}:{process}:{socket.gethostname()}:{os.getpid()}"
    try:
        with _client() as client:
            client.set(name, "1", ex=max(1, round(seconds)))
    except redis.RedisError as error:
        log.warning("life_not_said", error=type(error).__name__)


def living_processes() -> set[str]:
    """The names of the processes that live; none if Valkey does not answer."""
    try:
        with _client() as client:
            names = list(client.scan_iter(f"{PREFIX}:*"))
    except redis.RedisError:
        return set()
    return {name.decode().split(":")[1] for name in names}


def _client() -> redis.Redis:
    return redis.Redis.from_url(
        str(settings.ENV.redis.url),
        socket_connect_timeout=VALKEY_SECONDS,
        socket_timeout=VALKEY_SECONDS,
    )
