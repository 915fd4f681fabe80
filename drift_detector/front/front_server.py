"""Runs uvicorn with the connections and the application of the front."""

import resource
import signal
import sys
from functools import partial
from types import FrameType

import uvicorn
from django.conf import settings

from drift_detector.front.application import Front
from drift_detector.front.client_connections import Connection
from drift_detector.front.crowd import Crowd
from drift_detector.front.request_limits import Limits, limits_of
from drift_detector.front.wsgi_calls import Application

DRAIN_SECONDS = 20
# Files besides the connections of clients: databases, libraries, static files.
OTHER_FILES = 256


def serve(application: Application, *, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C; requests at work are answered first."""
    limits = limits_of(settings.ENV)
    _allow_files(limits.max_connections + OTHER_FILES)
    # uvicorn raises the signal again once it has drained; that is a good end.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end_well)
    uvicorn.Server(config_of(Front(application, limits), host, port, limits)).run()


def config_of(front: Front, host: str, port: int, limits: Limits) -> uvicorn.Config:
    """The configuration of uvicorn for the front at an address."""
    crowd = Crowd(max_connections=limits.max_connections, max_held_bytes=limits.max_held_bytes)
    return uvicorn.Config(
        front,
        host=host,
        port=port,
        http=partial(Connection, limits=limits, crowd=crowd),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        interface="asgi3",
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        # Django reads what a proxy says, if the settings name one.
        proxy_headers=False,
        timeout_keep_alive=limits.idle_seconds,  # type: ignore[arg-type]
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def _allow_files(number: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _end_well(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
