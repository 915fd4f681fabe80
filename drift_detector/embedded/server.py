"""The base of the three servers: a child process that is started, logged and stopped."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from tempfile import TemporaryFile
from typing import ClassVar, TypedDict

from drift_detector.embedded.leftovers import MARKER
from drift_detector.embedded.state import State, is_free

START_SECONDS = 60
STOP_SECONDS = 20
POLL_SECONDS = 0.02
ATTEMPTS = 3
TAIL_LINES = 15


class StartError(RuntimeError):
    """A server could not be started; the message gives a person the reason."""


class Identity(TypedDict, total=False):
    """`subprocess` arguments that run a child as another user."""

    user: int
    group: int
    extra_groups: list[int]


class Server(ABC):
    """One server: `start` returns when it answers, `stop` when it has ended."""

    name: ClassVar[str]
    title: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, state: State, *, durable: bool) -> None:
        """Choose the port; `start` starts the server.

        Args:
            state: The folder for data, log and secrets.
            durable: False for a temporary server, which need not survive a crash.
        """
        self.state = state
        self.durable = durable
        self.port = state.port(self.name)
        self.identity: Identity = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients, with the password."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments; no secrets, since `ps` shows them."""

    @abstractmethod
    def is_ready(self) -> bool:
        """True if the server answers a real request."""

    @property
    def folder(self) -> Path:
        """The server's working folder."""
        return self.state.folder / self.name

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._process.pid if self._process else None

    def prepare(self) -> None:
        """Create the files that the program needs for its start."""
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def provision(self) -> None:  # noqa: B027 — most servers need nothing
        """Create the objects that clients need, once the server answers; safe to repeat."""

    def configuration(self) -> str:
        """The text that the program reads from its standard input."""
        return ""

    def environment(self) -> dict[str, str]:
        """A minimal environment, so that a person's shell does not change the server."""
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", MARKER: str(self.state.folder)}

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            StartError: If the server ended or did not answer; no process stays behind.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._start_once()
            except StartError:
                if is_free(self.port):
                    raise
            # Another program took the port in the meantime.
            self.port = self.state.new_port(self.name)
        return self._start_once()

    def stop(self) -> None:
        """Ask the server to end, kill it after a grace, and return when it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(self.stop_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start_once(self) -> None:
        try:
            self.prepare()
            self._process = self._launch()
            self._await_answer(self._process)
            self.provision()
        except (OSError, subprocess.SubprocessError) as error:
            self.stop()
            raise StartError(f"{self.title} did not start: {error}") from error
        except StartError:
            self.stop()
            raise

    def _launch(self) -> subprocess.Popen[bytes]:
        with self.state.log(self.name).open("a") as log, TemporaryFile("w+") as configuration:
            configuration.write(self.configuration())
            configuration.seek(0)
            return subprocess.Popen(  # noqa: S603
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdin=configuration,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the launcher alone, which stops the servers in order.
                start_new_session=True,
                **self.identity,
            )

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if process.poll() is not None:
                raise self._failure(f"ended with code {process.returncode}")
            if time.monotonic() > deadline:
                raise self._failure(f"did not answer in {START_SECONDS} s")
            time.sleep(POLL_SECONDS)

    def _failure(self, what: str) -> StartError:
        return StartError(f"{self.title} {what}.\n{self._tail()}")

    def _tail(self) -> str:
        log = self.state.log(self.name)
        lines = log.read_text(errors="replace").splitlines()
        return "\n".join([f"The end of {log}:", *lines[-TAIL_LINES:]])
