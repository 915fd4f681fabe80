"""honcho's manager, made to stop the service's processes the way they want to be stopped."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import honcho.manager
from honcho.compat import ProcessManager
from honcho.printer import Message, Printer

STOP_SECONDS = 30  # a worker drains for 15 and believes a child to be lost after 10 more


class Supervisor(honcho.manager.Manager):  # type: ignore[misc]
    """Runs processes side by side, with their output in one stream, until one ends or a signal comes.

    Attributes:
        ended_first: The processes that ended though nobody asked them to.
    """

    def __init__(self, *, is_ready: Callable[[], bool], greet: Callable[[bool], None]) -> None:
        """Take what to ask once all processes are there, and whom to tell the answer unless all are stopping.

        Both are called in a thread of their own.
        """
        super().__init__(_Printer(sys.stdout))
        self.ended_first: list[str] = []
        self._procmgr = _Signals()
        self._is_ready = is_ready
        self._greet = greet

    def run(self) -> int:
        """Block until all processes have ended.

        Returns:
            0 after a signal; otherwise the exit code of the process that ended by itself, or 1 if that was 0.
        """
        honcho.manager.KILL_WAIT = STOP_SECONDS
        # The manager handles SIGINT and SIGTERM itself; a closed terminal is to mean the same.
        signal.signal(signal.SIGHUP, lambda _number, _frame: os.kill(os.getpid(), signal.SIGTERM))
        try:
            self.loop()
        finally:
            self.kill()  # whoever is left: nobody, unless the loop itself failed
        if not self.ended_first:
            return 0
        code = int(self._processes[self.ended_first[0]]["returncode"])
        return 128 - code if code < 0 else code or 1

    def terminate(self) -> None:
        if not self._terminating:
            self.ended_first = [
                name for name, process in self._processes.items() if "returncode" in process
            ]
        super().terminate()

    def _start(self) -> None:
        super()._start()
        # After honcho has forked: a fork would copy the locks that a running thread holds.
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        ready = self._is_ready()
        if not self._terminating:
            self._greet(ready)


class _Signals(ProcessManager):  # type: ignore[misc]
    """Asks the process alone, not its group: a Celery worker lets its children finish, if they aren't told."""

    def terminate(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


class _Printer(Printer):  # type: ignore[misc]
    """A printer that stops everything, rather than break, when its terminal or pipe is closed."""

    _is_closed = False

    def write(self, message: Message) -> None:
        try:
            super().write(message)
        except OSError:
            if not self._is_closed:
                self._is_closed = True
                os.kill(os.getpid(), signal.SIGTERM)
        except RuntimeError:
            pass  # a signal's handler wrote in the middle of a write; that line is lost
