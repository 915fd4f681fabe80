"""Runs the service's processes with honcho, and stops each of them in the right way."""

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
        ended_first: The processes that ended by themselves.
    """

    def __init__(self, *, is_ready: Callable[[], bool], greet: Callable[[bool], None]) -> None:
        """Create the supervisor.

        Args:
            is_ready: Waits for the service, in a thread; True if it answers.
            greet: Called with that result, in the thread, unless the processes are stopping.
        """
        super().__init__(_Printer(sys.stdout))
        self.ended_first: list[str] = []
        self._procmgr = _Signals()
        self._is_ready = is_ready
        self._greet = greet

    def run(self) -> int:
        """Block until all processes have ended.

        Returns:
            0 after a signal; otherwise the exit code of the process that ended by itself, or 1 if
            that was 0.
        """
        honcho.manager.KILL_WAIT = STOP_SECONDS
        # The manager handles SIGINT and SIGTERM itself; a closed terminal stops it, too.
        signal.signal(signal.SIGHUP, lambda _number, _frame: os.kill(os.getpid(), signal.SIGTERM))
        try:
            self.loop()
        finally:
            # Processes are left only if the loop itself failed.
            self.kill()
        return self._exit_code()

    def _exit_code(self) -> int:
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
        # After honcho has forked, because a fork would copy the locks of a running thread.
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        ready = self._is_ready()
        if not self._terminating:
            self._greet(ready)


class _Signals(ProcessManager):  # type: ignore[misc]
    """Sends signals to a process and not to its group, so that a worker lets its children finish."""

    def terminate(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


class _Printer(Printer):  # type: ignore[misc]
    """A printer that stops all processes when its terminal or pipe is closed."""

    _is_closed = False

    def write(self, message: Message) -> None:
        try:
            super().write(message)
        except OSError:
            if not self._is_closed:
                self._is_closed = True
                os.kill(os.getpid(), signal.SIGTERM)
        except RuntimeError:
            pass  # a signal handler wrote during a write, so that line is lost
