"""The state folder, which keeps passwords and ports from one start to the next."""

import fcntl
import json
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
PORTS_OF_SERVERS = range(20_000, 32_768)
"""Below those that Linux gives to connections that go out."""


class AlreadyRunning(RuntimeError):
    """Another launcher holds this state folder."""


class State:
    """A private folder with the passwords, ports, logs and data of one set of servers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._guard = threading.Lock()
        self._secrets: dict[str, str] = _read(self._secrets_file)
        self._ports: dict[str, int] = _read(self._ports_file)

    @property
    def _secrets_file(self) -> Path:
        return self.folder / "secrets.json"

    @property
    def _ports_file(self) -> Path:
        return self.folder / "ports.json"

    def secret(self, name: str) -> str:
        """A random value, created at its first use, of characters that a URL needs not escape."""
        with self._guard:
            if name not in self._secrets:
                self._secrets[name] = secrets.token_urlsafe(48)
                _write(self._secrets_file, self._secrets)
            return self._secrets[name]

    def has_secret(self, name: str) -> bool:
        """True if an earlier start created this secret."""
        return name in self._secrets

    def port(self, name: str) -> int:
        """The last port of `name` if it is still free, else a new one."""
        remembered = self._ports.get(name)
        return remembered if remembered and is_free(remembered) else self.new_port(name)

    def new_port(self, name: str) -> int:
        """A free port that no other server of this folder has."""
        with self._guard:
            port = unused_port()
            while port in self._ports.values():
                port = unused_port()
            self._ports[name] = port
            _write(self._ports_file, self._ports)
            return port

    def log(self, name: str) -> Path:
        """The log file of `name`."""
        folder = self.folder / "log"
        folder.mkdir(exist_ok=True)
        return folder / f"{name}.log"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process alone; the end of the process releases it.

        Raises:
            AlreadyRunning: If another process holds it.
        """
        # A POSIX record lock, because flock's would live on in the children that honcho forks.
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise AlreadyRunning(
                    f"Already running on {self.folder}: stop that launcher first."
                ) from error
            yield


def is_free(port: int) -> bool:
    """True if a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def unused_port() -> int:
    """A loopback port that is not in use, and that no connection going out takes before a server listens there."""
    while not is_free(port := secrets.choice(PORTS_OF_SERVERS)):
        pass
    return port


def _read[Value: (str, int)](file: Path) -> dict[str, Value]:
    try:
        content: dict[str, Value] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return content


def _write[Value: (str, int)](file: Path, content: dict[str, Value]) -> None:
    draft = file.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(content, stream, indent=1)
    draft.replace(file)
