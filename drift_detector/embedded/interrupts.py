"""Signals that ask the launcher to stop, turned into one exception so that `finally` does the cleaning up."""

import signal
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody asked the launcher to stop; not an error, so not an `Exception`."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def catch() -> None:
    """Raise `Interrupted` at the first signal; further ones must not interrupt the cleaning up."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        ignore()
        raise Interrupted(number)

    for number in STOPPING:
        signal.signal(number, interrupt)


def ignore() -> None:
    """From here on only SIGKILL ends the launcher."""
    for number in STOPPING:
        signal.signal(number, _do_nothing)  # not SIG_IGN, which children would inherit


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Let the work in hand go on."""
