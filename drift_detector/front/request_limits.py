"""The limits of the front, from the settings."""

from dataclasses import dataclass

from drift_detector.env import Environment

API_PATH = "/api/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers, bytes and seconds that a client may take; see `drift_detector.env.Web`."""

    threads: int
    max_connections: int
    max_held_bytes: int
    head_seconds: float
    body_seconds: float
    idle_seconds: float
    send_seconds: float
    queue_seconds: float
    max_head_bytes: int
    max_api_bytes: int
    max_form_bytes: int
    stuck_seconds: float

    def body_bytes(self, path: str) -> int:
        """The largest body that a path takes: data at the API, forms elsewhere."""
        return self.max_api_bytes if path.startswith(API_PATH) else self.max_form_bytes


def limits_of(environment: Environment) -> Limits:
    """The limits that the settings state."""
    web = environment.web
    return Limits(
        threads=web.threads,
        max_connections=web.max_connections,
        max_held_bytes=web.max_held_bytes,
        head_seconds=web.head_seconds,
        body_seconds=web.body_seconds,
        idle_seconds=web.idle_seconds,
        send_seconds=web.send_seconds,
        queue_seconds=web.queue_seconds,
        max_head_bytes=web.max_head_bytes,
        max_api_bytes=environment.data.max_inline_bytes,
        max_form_bytes=web.max_form_bytes,
        stuck_seconds=environment.metrics.max_round_seconds,
    )
