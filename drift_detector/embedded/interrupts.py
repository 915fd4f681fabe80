"""Turns signals to stop into one exception, so that `finally` blocks clean up."""

import signal
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked the launcher to stop; no error, so no `Exception`."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def catch() -> None:
    """Raise `Interrupted` at the first signal; later ones must not interrupt the cleanup."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        ignore()
        raise Interrupted(number)

    for number in STOPPING:
        signal.signal(number, interrupt)


def ignore() -> None:
    """Ignore signals to stop; from here on only SIGKILL ends the launcher."""
    for number in STOPPING:
        signal.signal(number, _do_nothing)  # not SIG_IGN, which children would inherit


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Let the current work continue."""
