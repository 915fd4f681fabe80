"""What the three servers have in common: a child process that is waited for, logged and stopped."""

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
    """A server could not be started; the message says why, to a person."""


class Identity(TypedDict, total=False):
    """`subprocess` arguments that run a child as another user."""

    user: int
    group: int
    extra_groups: list[int]


class Server(ABC):
    """One server: `start` returns when it answers, `stop` when it is gone."""

    name: ClassVar[str]
    title: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, state: State, *, durable: bool) -> None:
        """Choose the port; nothing is started yet.

        Args:
            state: Where data, log and secrets are kept.
            durable: False for a server that is thrown away, which needn't survive a crash.
        """
        self.state = state
        self.durable = durable
        self.port = state.port(self.name)
        self.identity: Identity = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect, password included."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments; no secrets, since `ps` shows them."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the server answers a real request."""

    @property
    def folder(self) -> Path:
        """The server's working folder."""
        return self.state.folder / self.name

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._process.pid if self._process else None

    def prepare(self) -> None:
        """Make what the program needs before it can start."""
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def provision(self) -> None:  # noqa: B027 — most servers need nothing
        """Make what clients need, once the server answers; safe to repeat."""

    def configuration(self) -> str:
        """What the program reads from its standard input."""
        return ""

    def environment(self) -> dict[str, str]:
        """Little, so that nothing in a person's shell changes how the server works."""
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", MARKER: str(self.state.folder)}

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            StartError: If it ended or stayed silent; nothing is left running.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._start_once()
            except StartError:
                if is_free(self.port):
                    raise
            self.port = self.state.new_port(self.name)  # somebody took the port in the meantime
        return self._start_once()

    def stop(self) -> None:
        """Ask the server to end, insist after a grace, and return when it is gone."""
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
                start_new_session=True,  # a terminal's Ctrl-C is for the launcher, which stops things in order
                **self.identity,
            )

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if process.poll() is not None:
                raise StartError(
                    f"{self.title} ended with code {process.returncode}.\n{self._tail()}"
                )
            if time.monotonic() > deadline:
                raise StartError(
                    f"{self.title} did not answer in {START_SECONDS} s.\n{self._tail()}"
                )
            time.sleep(POLL_SECONDS)

    def _tail(self) -> str:
        log = self.state.log(self.name)
        return "\n".join(
            [f"The end of {log}:", *log.read_text(errors="replace").splitlines()[-TAIL_LINES:]]
        )
